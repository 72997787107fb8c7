"""The sink that writes events to a file, one JSON object a line, and returns when they are on the disk."""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path
from typing import IO

import msgspec

from crm_core.auth.actor import system
from crm_core.features.sinks.settings import EventFileSettings
from crm_core.plugin import EventBatch, EventSink
from crm_core.uow import UnitOfWork

NAME = "core.file"
ACTOR = system("sinks")
CHUNK = 64 * 1024


async def active(uow: UnitOfWork) -> bool:
    """Return whether the settings ask for the file."""
    return (await uow.settings(EventFileSettings)).enabled


async def send(batch: EventBatch) -> None:
    """Append events to the file."""
    async with batch.kernel.read(ACTOR) as uow:
        settings = await uow.settings(EventFileSettings)
    lines = msgspec.json.Encoder().encode_lines(batch.events)
    await asyncio.to_thread(append, batch.kernel.config.folder / "events" / settings.file, lines)


def append(path: Path, lines: bytes) -> None:
    """Write whole lines at the end of a file and wait for the disk; half a line left by a crash is removed first."""
    fresh = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # a process thought dead may still be writing
        repair(file)
        write(file, lines)
        os.fsync(file.fileno())
    if fresh:
        _sync_folder(path.parent)


def write(file: IO[bytes], lines: bytes) -> None:
    """Hand the lines to the system."""
    file.write(lines)
    file.flush()


def repair(file: IO[bytes]) -> None:
    """Cut off what follows the last end of a line."""
    end = file.seek(0, os.SEEK_END)
    at = end
    while at > 0:
        start = max(0, at - CHUNK)
        file.seek(start)
        found = file.read(at - start).rfind(b"\n")
        if found >= 0:
            at = start + found + 1
            break
        at = start
    if at < end:
        file.truncate(at)
    file.seek(0, os.SEEK_END)


def _sync_folder(folder: Path) -> None:
    """Make the name of a new file last, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


SINK = EventSink(NAME, send, active=active)
