"""What the contract test asks of a package's migrations: up, down, up again, and equal to the models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from crm_core.db import migrate
from crm_core.db.compare import owner
from crm_core.db.packages import VERSION_TABLE, Package


async def schema(url: str, prefixes: Iterable[str] = ("",)) -> dict[str, Any]:
    """Return every table of these prefixes with columns, keys, indexes and constraints, in a comparable form."""
    known = tuple(prefixes)
    async with migrate.connected(url) as connection:
        found = await connection.run_sync(lambda c: _schema(c, known))
        await connection.rollback()
        return found


def _schema(connection: sa.Connection, prefixes: tuple[str, ...]) -> dict[str, Any]:
    inspector = sa.inspect(connection)
    names = [t for t in inspector.get_table_names() if not t.startswith(VERSION_TABLE)]
    return {t: _table(inspector, t) for t in names if "" in prefixes or owner(t, prefixes)}


def _table(inspector: sa.Inspector, name: str) -> dict[str, Any]:
    return {
        "columns": {c["name"]: (str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(name)},
        "key": inspector.get_pk_constraint(name)["constrained_columns"],
        "foreign": _sorted(inspector.get_foreign_keys(name)),
        "indexes": _sorted(inspector.get_indexes(name)),
        "unique": _sorted(inspector.get_unique_constraints(name)),
        "checks": _sorted(inspector.get_check_constraints(name)),
    }


def _sorted(rows: Iterable[Any]) -> list[dict[str, Any]]:
    return sorted((_plain(row) for row in rows), key=repr)


def _plain(row: Any) -> dict[str, Any]:
    return {k: _words(v) for k, v in row.items() if v}


def _words(value: Any) -> Any:
    """Return a value that compares by its text; there is SQL among them."""
    return {n: str(x) for n, x in value.items()} if isinstance(value, dict) else str(value)


async def migrations_up_down_up(url: str, own: Package, before: Iterable[Package] = ()) -> None:
    """Migrate an empty database up (`before` first), this package down and up again; AssertionError on a difference.

    A package without migrations passes: it has nothing to take back.
    """
    await migrate.upgrade(url, before)
    bare = await schema(url)
    await migrate.upgrade(url, (own,))
    first = await schema(url)
    await migrate.downgrade(url, own, "base")
    down = await schema(url)
    assert down == bare, f"downgrades of {own.name} leave something behind: {_differs(bare, down)}"
    await migrate.upgrade(url, (own,))
    again = await schema(url)
    assert again == first, f"{own.name} differs after up, down, up: {_differs(first, again)}"


async def models_match(url: str, own: Package, every: Iterable[Package] = ()) -> None:
    """Compare a migrated database with the models of a package; AssertionError lists the differences."""
    found = (await migrate.check(url, (own, *(p for p in every if p.name != own.name))))[own.name]
    assert not found, f"models and migrations of {own.name} differ: {'; '.join(found)}"


def _differs(one: dict[str, Any], other: dict[str, Any]) -> str:
    return ", ".join(sorted(t for t in {*one, *other} if one.get(t) != other.get(t)))
