"""Reading every stored file once a week: what a disk lost or changed is told before somebody needs it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.features.files.events import FileDamaged
from crm_core.features.files.models import File
from crm_core.features.files.schemas import ScrubFiles
from crm_core.features.files.sweeping import SHOWN, named, naming_columns
from crm_core.jobs.context import JobContext
from crm_core.plugin import Ref

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

log = logging.getLogger(__name__)
AT_ONCE = 200


@dataclass(slots=True)
class Scrubbed:
    """What a scrub found. files, bytes: read and right; damaged, missing: hashes that rows name; some of them."""

    files: int = 0
    bytes: int = 0
    damaged: int = 0
    missing: int = 0
    examples: list[str] = field(default_factory=list)


async def scrub_files(context: JobContext, call: ScrubFiles) -> None:
    """Scrub the store; the numbers are the job's result, and each file concerned gets an event."""
    scrubbed, wrong = await scrub(context.kernel)
    hashes = sorted(wrong)
    for start in range(0, len(hashes), AT_ONCE):
        async with context.transaction() as uow:
            part = {h: wrong[h] for h in hashes[start : start + AT_ONCE]}
            rows = sa.select(File.id, File.name, File.sha256).where(File.sha256.in_(part))
            for key, name, sha256 in (await uow.session.execute(rows)).all():
                told = FileDamaged(name=name, sha256=sha256, reason=part[sha256])
                await uow.emit(told, about=[Ref("core.file", key)])
    if wrong:
        log.error("%s stored files are damaged or missing, such as %s", len(wrong), ", ".join(scrubbed.examples[:3]))
    async with context.transaction() as uow:
        await context.finish(uow, asdict(scrubbed))


async def scrub(kernel: Kernel) -> tuple[Scrubbed, dict[str, str]]:
    """Read all bytes here and look for those that rows name; damaged ones are put aside.

    Returns the numbers, and why each hash that a row names is wrong. Those damaged before and still not there again
    count each time.
    """
    found, wrong = Scrubbed(), dict[str, str]()
    for sha256 in await asyncio.to_thread(kernel.blobs.here):
        try:
            size = await asyncio.to_thread(kernel.blobs.take_out_damaged, sha256)
        except FileNotFoundError:
            continue  # removed meanwhile: no row names it
        if size is None:
            wrong[sha256] = "damaged"
        else:
            found.files, found.bytes = found.files + 1, found.bytes + size
    columns = await naming_columns(kernel)
    if wrong:  # bytes that no row names are nobody's loss
        concerned = await named(kernel, columns, wrong)
        wrong = {h: reason for h, reason in wrong.items() if h in concerned}
    found.damaged = len(wrong)
    for column in columns:
        async with kernel.db.read.connect() as connection:
            rows = (await connection.scalars(sa.select(column).distinct())).all()
        for sha256 in await asyncio.to_thread(kernel.blobs.missing, rows):
            wrong.setdefault(sha256, "missing")
    found.missing = len(wrong) - found.damaged
    found.examples = sorted(wrong)[:SHOWN]
    return found, wrong
