"""Many rows of several tables in one trip: one thread hop on SQLite, one statement on PostgreSQL.

SQLAlchemy's execution of an insert costs more than the insert itself; here it only lends the column types.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from crm_core.db.engine import Database

TOGETHER = 60  # rows that still go into one PostgreSQL statement


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one table as Python values in the order of `names`.

    conflict: columns of a unique key; existing rows are left alone, or overwritten when `overwrite`.
    """

    table: sa.Table
    names: tuple[str, ...]
    rows: list[Sequence[Any]]
    conflict: tuple[str, ...] | None = None
    overwrite: bool = False


def batch(table: Any, rows: list[dict[str, Any]], **options: Any) -> Batch:
    """Return a batch of dicts that all have the same keys."""
    names = tuple(rows[0])
    return Batch(table, names, [[row[n] for n in names] for row in rows], **options)


@dataclass(frozen=True, slots=True)
class _Shape:
    """The text of an insert up to its values, what follows them, and how values are bound, by place in the row.

    single: the whole text for one row with the dialect's placeholders.
    """

    head: str
    tail: str
    single: str
    binders: tuple[tuple[int, Callable[[Any], Any]], ...]


@lru_cache(maxsize=512)
def _shape(
    dialect: sa.Dialect, table: sa.Table, names: tuple[str, ...], conflict: tuple[str, ...] | None, overwrite: bool
) -> _Shape:
    quote = dialect.identifier_preparer.quote
    columns = ", ".join(quote(n) for n in names)
    tail = ""
    if conflict is not None:
        target = f" ({', '.join(quote(c) for c in conflict)})" if conflict else ""
        sets = ", ".join(f"{quote(n)} = excluded.{quote(n)}" for n in names if n not in conflict)
        tail = f" on conflict{target} do " + (f"update set {sets}" if overwrite else "nothing")
    head = f"insert into {quote(table.name)} ({columns}) values "  # noqa: S608 - names of our own columns
    marks = ["?"] * len(names) if dialect.name == "sqlite" else [f"${i + 1}" for i in range(len(names))]
    binders = [(i, b) for i, n in enumerate(names) if (b := _binder(table.c[n].type, dialect)) is not None]
    return _Shape(head, tail, f"{head}({', '.join(marks)}){tail}", tuple(binders))


def _binder(kind: Any, dialect: sa.Dialect) -> Callable[[Any], Any] | None:
    if isinstance(kind, sa.types.TypeDecorator):
        found: Callable[[Any], Any] | None = kind.bind_processor(dialect)
        return found
    return kind.dialect_impl(dialect).bind_processor(dialect)  # type: ignore[no-any-return]  # untyped upstream


def _bound(shape: _Shape, row: Sequence[Any]) -> list[Any]:
    values = list(row)
    for place, bind in shape.binders:
        if values[place] is not None:  # no type of ours stores anything but NULL for None
            values[place] = bind(values[place])
    return values


async def write_and_commit(db: Database, session: AsyncSession, batches: Sequence[Batch]) -> None:
    """Insert all batches as the last thing of the session's transaction, and commit it.

    A session that has written nothing yet on SQLite needs no transaction of its own: all of it is one hop.
    """
    if db.sqlite and not session.sync_session.info["hold"].wrote:
        if shaped := _shaped(db, batches):
            await db.store(_insertion(shaped))
        return
    await write(db, session, batches)
    await session.commit()


async def write(db: Database, session: AsyncSession, batches: Sequence[Batch]) -> None:
    """Insert all batches, in order, inside the session's transaction."""
    shaped = _shaped(db, batches)
    if not shaped:
        return
    if db.sqlite:
        await db.in_writer(session, _insertion(shaped))
    elif sum(len(b.rows) for b, _s in shaped) <= TOGETHER:
        await _one_statement(db, session, shaped)
    else:
        connection = await db.writer(session)
        for each, shape in shaped:
            await connection.executemany(shape.single, [_bound(shape, r) for r in each.rows])


def _shaped(db: Database, batches: Sequence[Batch]) -> list[tuple[Batch, _Shape]]:
    dialect = db.write.sync_engine.dialect
    return [(b, _shape(dialect, b.table, b.names, b.conflict, b.overwrite)) for b in batches if b.rows]


def _insertion(shaped: list[tuple[Batch, _Shape]]) -> Callable[[sqlite3.Connection], None]:
    """Return what inserts everything on SQLite's own connection; values are bound now, on the loop."""
    ready = [(shape.single, [_bound(shape, row) for row in each.rows]) for each, shape in shaped]

    def run(connection: sqlite3.Connection) -> None:
        for text, rows in ready:
            connection.executemany(text, rows)

    return run


async def _one_statement(db: Database, session: AsyncSession, shaped: list[tuple[Batch, _Shape]]) -> None:
    """Foreign keys between the rows are checked at the end of the statement, so the order is free."""
    parts: list[str] = []
    values: list[Any] = []
    for each, shape in shaped:
        rows = []
        for row in each.rows:
            rows.append(f"({', '.join(f'${len(values) + i + 1}' for i in range(len(row)))})")
            values += _bound(shape, row)
        parts.append(shape.head + ", ".join(rows) + shape.tail)
    *first, last = parts
    text = ("with " + ", ".join(f"w{i} as ({p})" for i, p in enumerate(first)) + " " if first else "") + last
    connection = await db.writer(session)
    await connection.fetch(text, *values)
