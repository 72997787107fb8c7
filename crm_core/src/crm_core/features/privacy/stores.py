"""What lies outside the rows: files, sources of imports, SQLite's free pages, the note that survives a restore."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.auth.actor import system
from crm_core.db.model import metadata
from crm_core.features.files.public import forget
from crm_core.plugin import Ref

if TYPE_CHECKING:
    from crm_core.features.privacy.models import Erasure
    from crm_core.features.privacy.schemas import EraseLeft
    from crm_core.kernel import Kernel

NOTE = "erasures.jsonl"
HASH = re.compile("[0-9a-f]{64}")
LARGEST = 64 * 1024 * 1024
OTHER_FILES = "files of other records hold the person's words: somebody has to look at them"
SUPPRESSED = "the address must not be written to again"


async def erase_bytes(kernel: Kernel, left: EraseLeft, counts: dict[str, int]) -> dict[str, Any]:
    """Remove the person's files and the sources of imports that hold their words; return what stays, and why."""
    files, jobs = metadata.tables["core_file"], metadata.tables["core_job"]
    mails = metadata.tables["core_mail_file"]
    async with kernel.write(system("privacy")) as uow:
        await uow.session.execute(sa.delete(files).where(files.c.id.in_(left.rows.get("core.file", []))))
    async with kernel.read(system("privacy")) as uow:
        others = (await uow.session.execute(sa.select(files.c.id, files.c.sha256))).all()
        sent = list(await uow.session.scalars(sa.select(mails.c.sha256)))
        finished = jobs.c.state.in_(("done", "dead", "cancelled"))
        told = [
            msgspec.json.encode(a).decode() for a in await uow.session.scalars(sa.select(jobs.c.args).where(finished))
        ]
        suppressed = metadata.tables["core_suppression"]
        barred = len([a for a in await uow.session.scalars(sa.select(suppressed.c.address)) if a in left.values])
    sources = {h for text in told for h in HASH.findall(text)} - {o.sha256 for o in others} - set(sent)
    gone = [*left.blobs, *[h for h in sources if await _holds(kernel, h, left.values)]]
    counts["files"] = await forget(kernel, gone)
    found = [str(o.id) for o in others if await _holds(kernel, o.sha256, left.values)]
    kept: dict[str, Any] = {"core_file": {"ids": found, "reason": OTHER_FILES}} if found else {}
    return kept | ({"core_suppression": {"rows": barred, "reason": SUPPRESSED}} if barred else {})


async def _holds(kernel: Kernel, sha256: str, words: Iterable[str]) -> bool:
    """Return whether stored bytes contain one of the words as text."""
    try:
        path = await kernel.blobs.fetch(sha256)
    except Exception:  # noqa: BLE001 - bytes that are missing hold nothing; the sweep of files tells of them
        return False
    content = path.read_bytes()[:LARGEST].lower() if path.is_file() else b""
    return any(
        w.lower().encode(code) in content for w in words for code in ("utf-8", "utf-16-le", "cp1252") if _can(w, code)
    )


def _can(word: str, code: str) -> bool:
    try:
        word.encode(code)
    except UnicodeEncodeError:
        return False
    return True


def remember(kernel: Kernel, receipt: Erasure) -> None:
    """Note outside the database who was erased, by id: after a restore of an older backup it is done again."""
    line = json.dumps({"entity": receipt.entity, "record_id": str(receipt.record_id), "reason": receipt.reason})
    with (kernel.config.folder / NOTE).open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def remembered(folder: Path) -> list[tuple[Ref, str]]:
    """Return who was erased here, and why."""
    file = folder / NOTE
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    found = [json.loads(line) for line in lines if line.strip()]
    return [(Ref(one["entity"], UUID(one["record_id"])), str(one["reason"])) for one in found]


def wipe_free_space(kernel: Kernel) -> None:
    """Rebuild an SQLite file, so that nothing stays in its free pages, its log or its search index."""
    if not kernel.config.sqlite:
        return
    name = str(sa.make_url(kernel.config.database_url).database)
    with closing(sqlite3.connect(name, timeout=60, isolation_level=None)) as file:
        file.execute("pragma secure_delete = on")
        file.execute("insert into core_search_fts(core_search_fts) values ('optimize')")
        file.execute("vacuum")
        file.execute("pragma wal_checkpoint(truncate)")
