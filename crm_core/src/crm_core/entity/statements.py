"""Prepared statements: SQLAlchemy writes the SQL once per shape, the driver runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from crm_core.db.types import Id, Json

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

S = TypeVar("S")


def parameter(name: str, kind: Any) -> sa.BindParameter[Any]:
    """Return a parameter whose value is given when the query runs."""
    return sa.bindparam(name, None, kind, required=False)


class Query:
    """A compiled select: SQL for the driver, how to bind its parameters and how to read its columns."""

    def __init__(self, statement: sa.Select[Any] | sa.CompoundSelect[Any], dialect: sa.Dialect) -> None:
        self.statement = statement
        compiled: Any = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        self.sql = str(compiled)
        # `in` lists that a declared condition was made with are written out as parameters of their own.
        expanded = compiled._post_compile_expanded_state  # noqa: SLF001 - nothing public tells
        origin = {n: o for o, ns in expanded.parameter_expansion.items() for n in ns} if expanded else {}
        binds = compiled.binds
        self.names = [(n, _processor(binds[origin.get(n, n)].type, dialect)) for n in compiled.positiontup or ()]
        self.fixed = {n: b.value for n, b in binds.items()}
        self.fixed.update({n: expanded.parameters[n] for n in origin} if expanded else {})
        self.own = frozenset(binds)
        columns = list(statement.selected_columns)
        self.keys = tuple(str(c.key) for c in columns)
        self.out = [(i, p) for i, c in enumerate(columns) if (p := _reader(c.type, dialect)) is not None]

    def arguments(self, params: Mapping[str, Any]) -> list[Any]:
        """Return the driver's arguments from named values; values the statement was made with fill in."""
        fixed, found = self.fixed, []
        for name, process in self.names:
            value = params[name] if name in params else fixed.get(name)
            found.append(process(value) if process is not None else value)
        return found

    async def fetch(self, uow: UnitOfWork, params: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Return rows of Python values; they include what this unit of work has flushed."""
        db = uow.db
        if not uow.readonly and db.wrote(uow.session):
            known = {n: v for n, v in params.items() if n in self.own}
            rows: Sequence[Any] = (await uow.session.execute(self.statement, known)).all()
            return rows
        raw = await db.fetch(self.sql, self.arguments(params))
        if not self.out:
            return raw
        lists = [list(r) for r in raw]
        for index, read in self.out:
            for row in lists:
                if (value := row[index]) is not None:
                    row[index] = read(value)
        return lists

    async def run(self, uow: UnitOfWork, params: Mapping[str, Any], struct: Callable[..., S]) -> list[S]:
        """Return one `struct(*row)` per row."""
        return [struct(*row) for row in await self.fetch(uow, params)]


def _processor(kind: Any, dialect: sa.Dialect) -> Callable[[Any], Any] | None:
    made = kind if isinstance(kind, sa.types.TypeDecorator) else kind.dialect_impl(dialect)
    found: Callable[[Any], Any] | None = made.bind_processor(dialect)
    return found


def _reader(kind: Any, dialect: sa.Dialect) -> Callable[[Any], Any] | None:
    """Return what turns a driver's value into ours; asyncpg gives uuids, decimals and instants as they are."""
    if dialect.name == "postgresql":
        if isinstance(kind, Json):
            return kind.result_processor(dialect, None)  # type: ignore[no-any-return]  # a function of ours
        return None
    if isinstance(kind, Id):
        return _uuid
    found: Callable[[Any], Any] | None = kind._cached_result_processor(dialect, None)  # noqa: SLF001 - as Core reads
    return found


@lru_cache(maxsize=16_384)
def _uuid(value: bytes) -> UUID:
    return UUID(bytes=value)  # ten times the cost of finding it again: owners and teams repeat


def prepared(uow: UnitOfWork, key: Any, make: Callable[[], sa.Select[Any] | sa.CompoundSelect[Any]]) -> Query:
    """Return the query of a shape; `key` must hold everything that `make` depends on."""
    db = uow.db
    return db.shapes.get((uow.registry.version, key), lambda: Query(make(), db.read.dialect))
