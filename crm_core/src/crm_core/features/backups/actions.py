"""Making backups, and putting one back.

alembic is loaded where it is used: a web process that makes no backup need not carry it (10 MB).
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from crm_core.auth.actor import system
from crm_core.auth.session import revoke_sessions
from crm_core.blobs import BlobStore
from crm_core.config import Config
from crm_core.db.packages import packages
from crm_core.errors import UserError
from crm_core.features.backups import archive
from crm_core.features.backups.schemas import Manifest
from crm_core.features.mail import public as mail
from crm_core.features.privacy.public import note_receipts, reapply
from crm_core.kernel import open_kernel
from crm_core.plugin.registry import Registry

log = logging.getLogger(__name__)
PAUSED = "A backup was restored. Look at what waits before anything leaves."


class NotWritten(UserError):
    """There was no room for the backup, or no right to write there; nothing of it was left."""


def folder_of(config: Config) -> Path:
    """Return where backups are kept."""
    return config.folder / "backups"


def kept(config: Config) -> list[Path]:
    """Return the backups in the folder, oldest first."""
    return sorted(folder_of(config).glob(f"{archive.PREFIX}*{archive.SUFFIX}"))


async def back_up(config: Config, registry: Registry, target: Path | None = None) -> tuple[Path, Manifest]:
    """Write a backup (into the folder of backups when no file is given); return where it is and what it says."""
    name = f"{archive.PREFIX}{datetime.now(UTC):%Y%m%d-%H%M%S}{archive.SUFFIX}"
    path = target or folder_of(config) / name
    from crm_core.db import migrate

    states = await migrate.status(config.database_url, packages(registry))
    revisions = {s.package.name: s.current for s in states if s.current}
    try:
        made = await asyncio.to_thread(archive.make, config, path, version("crm-core"), revisions)
    except (OSError, sqlite3.OperationalError) as error:
        raise NotWritten(f"the backup could not be written to {path.parent}: {error}") from error
    return path, made


def thin_out(config: Config, keep: int) -> list[Path]:
    """Remove the oldest backups in the folder until `keep` are left; return those removed."""
    old = kept(config)[: -keep or None]
    for path in old:
        path.unlink(missing_ok=True)
    return old


async def restore(config: Config, source: Path, *, replace: bool) -> Manifest:
    """Put database and files of a backup in place of what is there; nothing is sent until a person says so.

    UserError when there is a database already and not `replace`, or the backup is of the other kind of database. All
    of the archive is checked before anything is replaced; a SQLite file that was there is kept beside the new one.
    Sessions of the time of the backup are ended: some were ended since, for a reason. Who was erased since is erased
    again before this returns.
    """
    manifest = await asyncio.to_thread(archive.manifest_of, source)
    if manifest.dialect != ("sqlite" if config.sqlite else "postgresql"):
        raise UserError(f"this is a backup of {manifest.dialect}, and the configured database is another")
    config.folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=config.folder, prefix="restoring-") as name:
        manifest, copy, files = await asyncio.to_thread(archive.unpack, source, Path(name))
        if replace:
            await _note_erased(config)
        if config.sqlite:
            await _put_sqlite(config, copy, replace)
        else:
            await _put_postgresql(config, copy, replace)
        await asyncio.to_thread(_put_files, config, files)
    await _erase_again(config)
    return manifest


async def _note_erased(config: Config) -> None:
    """Note whom the database that goes calls erased. One that cannot be read has only what its folder knows."""
    if config.sqlite and not config.database_file.exists():
        return
    try:
        await note_receipts(config)
    except (sa.exc.DBAPIError, OSError) as error:
        log.warning("whom the old database calls erased could not be read: %s", type(error).__name__)


async def _erase_again(config: Config) -> None:
    kernel = await open_kernel(config)
    kernel.db.write_limit = None
    try:
        if again := await reapply(kernel, now=True):
            log.warning("%s erased persons were in the backup and are erased again", again)
    finally:
        await kernel.close()


async def _put_sqlite(config: Config, copy: Path, replace: bool) -> None:
    file = config.database_file
    if file.exists() and not replace:
        raise UserError(f"there is a database already: {file}. Use --replace to put the backup in its place")
    # Made safe before it has the database's name: no process can open it and send.
    await _calm(config.but(database_url=f"sqlite+aiosqlite:///{copy}"))
    with closing(sqlite3.connect(copy)) as made:
        made.execute("pragma wal_checkpoint(truncate)")
        made.execute("pragma journal_mode=delete")
    if file.exists():
        os.replace(file, file.with_name(f"{file.name}.before-restore-{datetime.now(UTC):%Y%m%d-%H%M%S}"))
    for ending in ("-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
    os.replace(copy, file)


async def _put_postgresql(config: Config, copy: Path, replace: bool) -> None:
    if not replace and await _has_tables(config):
        raise UserError("there is a database already. Use --replace to put the backup in its place")
    clean = ("--clean", "--if-exists") if replace else ()
    arguments = ("--no-owner", "--exit-on-error", "--single-transaction", *clean)
    database = str(sa.make_url(config.database_url).database)
    await asyncio.to_thread(archive.run_tool, "pg_restore", config, *arguments, "--dbname", database, str(copy))
    await _calm(config)


async def _has_tables(config: Config) -> bool:
    from crm_core.db import migrate

    async with migrate.connected(config.database_url) as connection:
        found = await connection.exec_driver_sql("select to_regclass('core_plugin') is not null")
        return bool(found.scalar())


async def _calm(config: Config) -> None:
    """Bring the copy's tables to what the code needs, stop all sending, and end the sessions."""
    from crm_core.db import migrate

    kernel = await open_kernel(config)
    kernel.db.write_limit = None  # nobody waits for this writer, and a restore that stops here is not calm
    try:
        await migrate.upgrade(config.database_url, packages(kernel.registry))
        async with kernel.write(system("restore")) as uow:
            await mail.pause(uow, PAUSED)
            await revoke_sessions(uow)
    finally:
        await kernel.close()


def _put_files(config: Config, files: list[Path]) -> None:
    store = BlobStore(config.files)
    for path in files:
        target = store.path(path.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.move(path, target)
