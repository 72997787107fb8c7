"""Migrations: one alembic version table per package, core first, every step atomic on both databases.

A labelled-branch single table breaks every command once a plugin's code is gone. SQLite migrates on an
engine of its own with foreign keys off: with them on, a batch ALTER drops and recreates the table and
thereby silently empties its child tables.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from crm_core.db import compare, sqlite
from crm_core.db.backup import backup, missing_file
from crm_core.db.model import metadata
from crm_core.db.packages import VERSION_TABLE, Package, State, package, packages
from crm_core.db.postgres import connect, forget_values
from crm_core.db.tables import PluginRow
from crm_core.db.types import utcnow
from crm_core.errors import StartupError, UserError

log = logging.getLogger(__name__)

HERE = Path(str(files("crm_core.db")))
LOCK = 7203
"""Key of the PostgreSQL advisory lock held while migrating."""
LOCK_WAIT = 120.0

__all__ = [
    "Package", "State", "backup", "check", "downgrade", "package", "packages", "purge", "status", "upgrade",
]  # fmt: skip


def engine(url: str) -> AsyncEngine:
    """Return the engine for migrations: no pool, no foreign keys on SQLite, short lock waits on PostgreSQL."""
    if url.startswith("sqlite"):
        return sqlite.engine(url, begin="BEGIN IMMEDIATE", foreign_keys=False, poolclass=NullPool)
    # A migration that waits for a long reader makes everybody behind it wait too: give up early instead.
    settings = {"lock_timeout": "5000", "application_name": "crm db"}
    connect_args = {"server_settings": settings, "async_creator_fn": connect}
    made = create_async_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=connect_args)
    sa.event.listen(made.sync_engine, "handle_error", forget_values)
    return made


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncConnection]:
    """Yield one connection of a migration engine. UserError when a SQLite file has no folder to be in."""
    file = Path(sa.make_url(url).database or "")
    if missing_file(url) and not file.parent.is_dir():
        raise UserError(f"there is no folder {file.parent}: `crm db upgrade` or `crm demo` makes it")
    made = engine(url)
    try:
        async with made.connect() as connection:
            yield connection
    finally:
        await made.dispose()


@asynccontextmanager
async def locked(url: str) -> AsyncIterator[AsyncConnection]:
    """Yield a connection while no other process migrates. SQLite needs no lock: each step begins IMMEDIATE."""
    async with connected(url) as connection:
        if connection.dialect.name == "sqlite":
            yield connection
            return
        for _ in range(int(LOCK_WAIT / 0.2)):
            got = await connection.scalar(sa.text("select pg_try_advisory_lock(:key)"), {"key": LOCK})
            await connection.commit()
            if got:
                break
            await asyncio.sleep(0.2)
        else:
            raise UserError("another process has been migrating this database for two minutes")
        try:
            yield connection
        finally:
            await connection.rollback()
            await connection.execute(sa.text("select pg_advisory_unlock(:key)"), {"key": LOCK})
            await connection.commit()


def config(connection: sa.Connection, own: Package, prefixes: Iterable[str] = ()) -> AlembicConfig:
    """Return alembic's configuration for one package; `prefixes` of all others, so that names are told apart."""
    made = AlembicConfig()
    made.set_main_option("script_location", str(HERE).replace("%", "%%"))
    made.set_main_option("path_separator", "newline")
    made.set_main_option("version_locations", str(own.versions).replace("%", "%%"))
    options = compare.options(own.prefix, (own.prefix, *prefixes))
    options |= {"target_metadata": metadata, "version_table": own.version_table, "transactional_ddl": True}
    made.attributes.update(connection=connection, configure=options)
    return made


def _script(connection: sa.Connection, own: Package) -> ScriptDirectory:
    return ScriptDirectory.from_config(config(connection, own))


def _current(connection: sa.Connection, own: Package) -> str | None:
    return MigrationContext.configure(connection, opts={"version_table": own.version_table}).get_current_revision()


def state(connection: sa.Connection, own: Package) -> State:
    """Return where the database stands with one package."""
    current = _current(connection, own)
    if not own.versions.is_dir():
        return State(own, current, None)
    script = _script(connection, own)
    head = script.get_current_head()
    try:
        pending = [r.revision for r in script.iterate_revisions(head, current or "base")] if head else []
    except RevisionError:
        return State(own, current, head, unknown=True)
    return State(own, current, head, tuple(reversed(pending)))


async def status(url: str, wanted: Iterable[Package]) -> list[State]:
    """Return where the database stands with each package. A SQLite file that does not exist is not made."""
    if missing_file(url):
        return [State(p, None, None, ("base",)) for p in wanted]
    async with connected(url) as connection:
        found = [await connection.run_sync(state, p) for p in wanted]
        await connection.rollback()
        return found


async def upgrade(url: str, wanted: Iterable[Package]) -> list[str]:
    """Bring every package to its head and return the revisions that ran. Safe to call from several processes at once.

    Each revision is one transaction: one that fails changes nothing, those before it stay.
    """
    done: list[str] = []
    async with locked(url) as connection:
        for own in wanted:
            while revision := await _step(connection, own):
                log.info("migrated %s to %s", own.name, revision)
                done.append(revision)
            async with connection.begin():
                await connection.run_sync(_remember, own)
    return done


async def _step(connection: AsyncConnection, own: Package) -> str | None:
    """Run the next revision of a package in a transaction of its own; return it, or None at the head."""
    async with connection.begin():
        before = await _broken_links(connection)
        found = await connection.run_sync(state, own)
        if found.unknown:
            raise StartupError(
                f"the database has {own.name} at {found.current}, which this version does not know: "
                f"install the newer {own.package} again, or restore the backup made before it"
            )
        if not found.pending:
            return None
        revision = found.pending[0]
        await connection.run_sync(lambda c: command.upgrade(config(c, own), revision))
        if new := await _broken_links(connection) - before:
            raise StartupError(f"migration {revision} leaves rows that point nowhere: {sorted(new)[:5]}")
        return revision


async def _broken_links(connection: AsyncConnection) -> set[tuple[str, str]]:
    """Return (table, row) of foreign keys that point nowhere; SQLite only, which did not check them meanwhile."""
    if connection.dialect.name != "sqlite":
        return set()
    return {(r[0], str(r[1])) for r in await connection.execute(sa.text("PRAGMA foreign_key_check"))}


def _remember(connection: sa.Connection, own: Package) -> None:
    """Keep what is needed to report and purge a plugin whose code is gone."""
    if not sa.inspect(connection).has_table(PluginRow.__tablename__):
        return
    values = {"package": own.package, "table_prefix": own.prefix, "version": own.version}
    row = connection.execute(sa.select(PluginRow.__table__).where(PluginRow.name == own.name)).mappings().one_or_none()
    if row is None:
        connection.execute(sa.insert(PluginRow).values(name=own.name, updated_at=utcnow(), **values))
    elif {k: row[k] for k in values} != values:
        connection.execute(sa.update(PluginRow).where(PluginRow.name == own.name).values(updated_at=utcnow(), **values))


async def check(url: str, wanted: Iterable[Package]) -> dict[str, list[str]]:
    """Return, per package, how its models differ from the database; empty lists when all is well."""
    every = tuple(wanted)
    prefixes = tuple(p.prefix for p in every)
    async with connected(url) as connection:
        found = {p.name: await connection.run_sync(_differences, p, prefixes) for p in every}
        await connection.rollback()
        return found


def _differences(connection: sa.Connection, own: Package, prefixes: tuple[str, ...]) -> list[str]:
    options = compare.options(own.prefix, prefixes) | {"version_table": own.version_table}
    return compare.differences(MigrationContext.configure(connection, opts=options))


async def downgrade(url: str, own: Package, revision: str) -> None:
    """Take a package back to `revision` ("base" for nothing, "-1" for one step), in one transaction."""
    async with locked(url) as connection, connection.begin():
        try:
            await connection.run_sync(lambda c: command.downgrade(config(c, own), revision))
        except CommandError as error:
            raise UserError(str(error)) from error


async def purge(url: str, own: Package) -> None:
    """Remove everything a package has in the database, by its own downgrades."""
    async with locked(url) as connection, connection.begin():
        await connection.run_sync(lambda c: command.downgrade(config(c, own), "base"))
        await connection.run_sync(forget, own.name)


def forget(connection: sa.Connection, name: str) -> None:
    """Remove core's own traces of a package: its version table, its row, its search rows."""
    connection.execute(sa.text(f'drop table if exists "{VERSION_TABLE}{name}"'))
    existing = sa.inspect(connection)
    if existing.has_table(PluginRow.__tablename__):
        connection.execute(sa.delete(PluginRow).where(PluginRow.name == name))
    if existing.has_table("core_search"):
        found = sa.table("core_search", sa.column("entity", sa.String()))
        connection.execute(sa.delete(found).where(found.c.entity.startswith(f"{name}.", autoescape=True)))
