"""Whether uploads can be stored, whether there is room, and whether the stored files are whole."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.jobs.tables import JOBS
from crm_core.plugin import Check

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

SCRUB = "core.scrub_files"
LEAST_ROOM = 8 * 2**20
"""Bytes under which a process is not ready: the next uploads, or the database's log, will not fit."""


class FilesNotWhole(Exception):
    """Stored files are damaged or missing; `hint` says what to do."""

    hint = "put them back from a backup (files/<hash> in the archive), or upload them again"


async def store_is_usable(uow: UnitOfWork) -> None:
    """Raise when the folder or bucket of uploaded files does not answer, cannot be written, or is full."""
    await asyncio.to_thread(uow.kernel.blobs.demand_usable)


async def room(uow: UnitOfWork) -> str:
    """Raise OSError when a disk we write to is nearly full."""
    config = uow.kernel.config
    places = [config.folder, uow.kernel.blobs.folder, *([config.database_file.parent] if config.sqlite else [])]
    free = min(shutil.disk_usage(place).free for place in places if place.exists())
    if free < LEAST_ROOM:
        raise OSError(f"only {free // 2**20} MB left")
    return f"{free // 2**20} MB left"


async def files_are_whole(uow: UnitOfWork) -> str:
    """Raise FilesNotWhole when the last scrub found damage that is still there."""
    last = (
        sa.select(JOBS.c.result, JOBS.c.finished_at)
        .where(JOBS.c.kind == SCRUB, JOBS.c.state == "done")
        .order_by(JOBS.c.finished_at.desc())
        .limit(1)
    )
    row = (await uow.session.execute(last)).one_or_none()
    if row is None:
        return "not looked at yet: it is done on Sundays"
    left = await asyncio.to_thread(uow.kernel.blobs.known_missing, row.result["examples"])
    if left:
        number = row.result["damaged"] + row.result["missing"]
        raise FilesNotWhole(f"{number} stored files were damaged or missing, still so: {', '.join(left[:3])}")
    return f"{row.result['files']} whole on {row.finished_at:%Y-%m-%d}"


CHECKS = (
    Check("core.files", store_is_usable, ready=False),
    Check("core.room", room),
    Check("files whole", files_are_whole, ready=False),
)
