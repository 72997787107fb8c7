"""Clearing the blob store of what no row names, and naming rows whose bytes are missing."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from crm_core.db.model import metadata
from crm_core.jobs.rows import JOBS, job

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

COLUMN = "sha256"
"""A column of this name in any table names blobs, as does one marked `info={"blob": True}`."""
HASH = re.compile("[0-9a-f]{64}")
CHUNK = 500
SHOWN = 20


@dataclass(slots=True)
class Swept:
    """What a sweep did. files and bytes: removed. missing: hashes that rows name and that are not on disk."""

    files: int = 0
    bytes: int = 0
    missing: int = 0
    examples: list[str] = field(default_factory=list)


async def sweep(kernel: Kernel, *, older: float) -> Swept:
    """Remove bytes that no row and no unfinished job names and that were written over `older` seconds ago.

    A kill between the bytes and their row leaves such files; the age spares uploads under way.
    """
    columns = await naming_columns(kernel)
    swept = Swept()
    candidates = await asyncio.to_thread(kernel.blobs.candidates, time.time() - older)
    for start in range(0, len(candidates), CHUNK):
        part = candidates[start : start + CHUNK]
        for sha256 in set(part) - await named(kernel, columns, part):
            await remove(kernel, columns, sha256, older, swept)
    leftover = await asyncio.to_thread(kernel.blobs.drop_unnamed, time.time() - older)
    swept.files, swept.bytes = swept.files + len(leftover), swept.bytes + sum(leftover)
    await _look_for_missing(kernel, columns, swept)
    return swept


async def remove(kernel: Kernel, columns: list[sa.ColumnClause[str]], sha256: str, older: float, swept: Swept) -> None:
    """Move bytes aside, look once more for a row or a younger upload of the same bytes, then remove them."""
    if not await asyncio.to_thread(kernel.blobs.set_aside, sha256, time.time() - older):
        return
    if await named(kernel, columns, [sha256]):
        await asyncio.to_thread(kernel.blobs.put_back, sha256)
        return
    swept.bytes += await asyncio.to_thread(kernel.blobs.discard, sha256)
    swept.files += 1


async def naming_columns(kernel: Kernel) -> list[sa.ColumnClause[str]]:
    """Return every column that names blobs, tables of plugins that are absent at present included."""

    def stored(connection: sa.Connection) -> set[tuple[str, str]]:
        found = sa.inspect(connection).get_multi_columns()
        return {(str(t), COLUMN) for (_s, t), cs in found.items() if any(c["name"] == COLUMN for c in cs)}

    async with kernel.db.read.connect() as connection:
        names = await connection.run_sync(stored)
    names |= {(t.name, c.name) for t in metadata.tables.values() for c in t.columns if c.info.get("blob")}
    return [sa.table(t, sa.column(c, sa.String())).c[c] for t, c in sorted(names)]


async def named(kernel: Kernel, columns: list[sa.ColumnClause[str]], hashes: Iterable[str]) -> set[str]:
    """Return which of these hashes a row or an unfinished job names."""
    wanted = list(hashes)
    found: set[str] = set()
    waiting = sa.select(JOBS.c.args).where(job.state.in_(("pending", "running", "parked")))
    async with kernel.db.read.connect() as connection:
        for column in columns:
            found.update(await connection.scalars(sa.select(column).where(column.in_(wanted))))
        for args in await connection.scalars(waiting):
            found.update(HASH.findall(msgspec.json.encode(args).decode()))
    return found.intersection(wanted)


async def _look_for_missing(kernel: Kernel, columns: list[sa.ColumnClause[str]], swept: Swept) -> None:
    for column in columns:
        async with kernel.db.read.connect() as connection:
            rows = (await connection.scalars(sa.select(column).distinct())).all()
        lost = await asyncio.to_thread(kernel.blobs.missing, rows)
        swept.missing += len(lost)
        swept.examples = (swept.examples + lost)[:SHOWN]
