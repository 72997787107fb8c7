"""What lies outside the rows: stored files, SQLite's free pages, the note that survives a restore."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.actor import system
from crm_core.db.model import metadata
from crm_core.features.files.public import forget, named_among
from crm_core.features.privacy.looking import holds
from crm_core.plugin import Ref

if TYPE_CHECKING:
    from crm_core.features.privacy.schemas import EraseLeft
    from crm_core.kernel import Kernel

NOTE = "erasures.jsonl"
CHUNK = 500
OTHER_FILES = "files of other records hold the person's words: somebody has to look at them"
UNREAD_FILES = "these files could not be looked through: somebody has to look at them"
OTHER_BYTES = "bytes in use elsewhere (mails to others, an import under way) hold the person's words"


async def erase_bytes(kernel: Kernel, left: EraseLeft, counts: dict[str, int]) -> dict[str, Any]:
    """Remove the person's files, and stored bytes in nobody's use that hold their words - sources of imports, say.

    Return what stays, and why. Every stored file is looked through, so this takes as long as reading them.
    """
    files = metadata.tables["core_file"]
    own = left.rows.get("core.file", [])
    for start in range(0, len(own), CHUNK):
        async with kernel.write(system("privacy")) as uow:
            await uow.session.execute(sa.delete(files).where(files.c.id.in_(own[start : start + CHUNK])))
    counts["files"] = await forget(kernel, left.blobs)
    loose, held, unread = await _look_through(kernel, left.values)
    counts["files"] += await forget(kernel, loose)
    kept: dict[str, Any] = {}
    by_hash = await _files_by_hash(kernel, held + unread)
    if ids := [i for h in held for i in by_hash.get(h, ())]:
        kept["core_file"] = {"ids": ids, "reason": OTHER_FILES}
    if ids := [i for h in unread for i in by_hash.get(h, ())]:
        kept["unread_files"] = {"ids": ids, "reason": UNREAD_FILES}
    if elsewhere := sum(h not in by_hash for h in held):
        kept["other_bytes"] = {"rows": elsewhere, "reason": OTHER_BYTES}
    return kept


async def _look_through(kernel: Kernel, words: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Return the hashes of bytes that hold a word and that nobody uses, those in use, and those nobody can read."""
    if not words:
        return [], [], []
    stored = await asyncio.to_thread(kernel.blobs.candidates, time.time() + 1)
    loose, held, unread = list[str](), list[str](), list[str]()
    for start in range(0, len(stored), CHUNK):
        part = stored[start : start + CHUNK]
        used = await named_among(kernel, part)
        for sha256 in part:
            try:
                found = await holds(await kernel.blobs.fetch(sha256), words)
            except OSError:  # bytes that are missing hold nothing; the sweep of files tells of them
                continue
            if found:
                (held if sha256 in used else loose).append(sha256)
            elif found is None and sha256 in used:
                unread.append(sha256)
    return loose, held, unread


async def _files_by_hash(kernel: Kernel, hashes: list[str]) -> dict[str, list[str]]:
    files, found = metadata.tables["core_file"], defaultdict[str, list[str]](list)
    async with kernel.read(system("privacy")) as uow:
        for start in range(0, len(hashes), CHUNK):
            wanted = sa.select(files.c.sha256, files.c.id).where(files.c.sha256.in_(hashes[start : start + CHUNK]))
            for sha256, key in await uow.session.execute(wanted):
                found[sha256].append(str(key))
    return found


def remember(folder: Path, persons: list[str], reason: str) -> None:
    """Note outside the database who was erased, by id: after a restore of an older backup it is done again.

    persons: the records that were this person, as "entity:id", the one that was asked for first.
    """
    line = json.dumps({"persons": persons, "reason": reason})
    folder.mkdir(parents=True, exist_ok=True)
    known = {tuple(map(str, refs)) for refs, _reason in remembered(folder)}
    if tuple(persons) not in known:
        with (folder / NOTE).open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def remembered(folder: Path) -> list[tuple[list[Ref], str]]:
    """Return who was erased here, and why."""
    file = folder / NOTE
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    found = []
    for one in (json.loads(line) for line in lines if line.strip()):
        refs = [Ref.parse(p) for p in one["persons"]] if "persons" in one else [_first_form(one)]
        found.append((refs, str(one["reason"])))
    return found


def _first_form(line: dict[str, str]) -> Ref:
    return Ref(line["entity"], UUID(line["record_id"]))


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
