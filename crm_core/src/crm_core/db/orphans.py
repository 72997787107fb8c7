"""What packages left behind: tables of plugins whose code is gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec

import sqlalchemy as sa

from crm_core.db.backup import missing_file
from crm_core.db.compare import owner
from crm_core.db.migrate import connected, forget, locked
from crm_core.db.packages import VERSION_TABLE, Package
from crm_core.db.tables import PluginRow
from crm_core.errors import UserError


@dataclass(frozen=True, slots=True)
class Orphan:
    """A package with tables that is not loaded. `installed`: its code is there (disabled, or cannot load)."""

    name: str
    package: str
    version: str
    installed: bool
    tables: tuple[tuple[str, int], ...]


async def orphans(url: str, loaded: Iterable[Package]) -> list[Orphan]:
    """Return packages that have migrated this database and are not loaded, with their tables and row counts."""
    names = {p.name for p in loaded}
    if missing_file(url):
        return []
    async with connected(url) as connection:
        found = await connection.run_sync(_orphans, names)
        await connection.rollback()
        return found


def _orphans(connection: sa.Connection, loaded: set[str]) -> list[Orphan]:
    tables = sa.inspect(connection).get_table_names()
    known: dict[str, tuple[str, str]] = {}
    if PluginRow.__tablename__ in tables:
        rows = connection.execute(sa.select(PluginRow.name, PluginRow.package, PluginRow.version))
        known = {name: (package, version) for name, package, version in rows}
    for table in tables:
        if table.startswith(VERSION_TABLE):
            name = table.removeprefix(VERSION_TABLE)
            known.setdefault(name, (f"crm_{name}", ""))
    prefixes = {f"{n}_" for n in (*known, *loaded)}
    return [
        Orphan(name, package, version, find_spec(package) is not None, _counted(connection, tables, name, prefixes))
        for name, (package, version) in sorted(known.items())
        if name not in loaded
    ]


def _counted(
    connection: sa.Connection, tables: list[str], name: str, prefixes: set[str]
) -> tuple[tuple[str, int], ...]:
    mine = sorted(t for t in tables if owner(t, prefixes) == f"{name}_")
    counts = (connection.scalar(sa.select(sa.func.count()).select_from(sa.table(t))) for t in mine)
    return tuple(zip(mine, (n or 0 for n in counts), strict=True))


async def purge_orphan(url: str, name: str, loaded: Iterable[Package]) -> Orphan:
    """Drop all tables of a package whose code is gone, and return what was dropped.

    UserError for a package that is installed (its own migrations know better) or was never here.
    """
    loaded = tuple(loaded)
    found = {o.name: o for o in await orphans(url, loaded)}
    if any(p.name == name for p in loaded) or (name in found and found[name].installed):
        raise UserError(f"{name} is installed: use `crm db purge {name}` without --orphan")
    if name not in found:
        raise UserError(f"nothing of {name!r} is left in this database")
    async with locked(url) as connection, connection.begin():
        await connection.run_sync(_drop, found[name])
    return found[name]


def _drop(connection: sa.Connection, orphan: Orphan) -> None:
    quote = connection.dialect.identifier_preparer.quote
    cascade = " CASCADE" if connection.dialect.name == "postgresql" else ""
    for table, _rows in orphan.tables:
        # Shadow tables of a full-text index go with it.
        connection.execute(sa.text(f"DROP TABLE IF EXISTS {quote(table)}{cascade}"))
    forget(connection, orphan.name)
