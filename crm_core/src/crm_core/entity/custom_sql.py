"""Custom fields in SQL: what is shown comes from the JSON of the record, what is asked for from indexed rows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from crm_core.db.types import Amount, Id, Json, UTCDateTime
from crm_core.entity.custom_fields import TEXTS, CustomOn
from crm_core.entity.custom_values import TABLE
from crm_core.entity.paths import Value

NUMBERS = ("integer", "decimal", "percent", "money", "boolean")
MOMENTS = ("date", "datetime", "appointment")


class Day(sa.types.TypeDecorator[date]):
    """A day kept as its midnight in UTC."""

    impl = UTCDateTime
    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Any:
        bind = UTCDateTime().bind_processor(dialect)
        return lambda v: None if v is None else bind(datetime(v.year, v.month, v.day, tzinfo=UTC))

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:
        return lambda v: None if v is None else v.date() if isinstance(v, datetime) else date.fromisoformat(v[:10])


class RawJson(Json):
    """JSON as the database has it, passed on without being read."""

    cache_ok = True

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:
        return raw_json


def raw_json(value: Any) -> msgspec.Raw:
    """Return a driver's JSON, text or decoded, as bytes that go into an answer as they are."""
    return msgspec.Raw(value if isinstance(value, str | bytes) else msgspec.json.encode(value))


class without_keys(FunctionElement[Any]):  # noqa: N801 - an SQL function
    """without_keys(json object, key, …): the object without these keys."""

    type = RawJson()
    inherit_cache = True


@compiles(without_keys)
def _without_keys(element: Any, compiler: Any, **kw: Any) -> str:
    column, *keys = (compiler.process(c, **kw) for c in element.clauses)
    if compiler.dialect.name == "postgresql":
        return f"({column} - ARRAY[{', '.join(keys)}]::text[])"
    return f"json_remove({column}, {', '.join(keys)})"


class with_values(FunctionElement[Any]):  # noqa: N801 - an SQL function
    """with_values(json object, changes): the object with these values; null takes a key away."""

    type = Json()
    inherit_cache = True


@compiles(with_values)
def _with_values(element: Any, compiler: Any, **kw: Any) -> str:
    column, patch = (compiler.process(c, **kw) for c in element.clauses)
    if compiler.dialect.name == "postgresql":
        return f"jsonb_strip_nulls({column} || CAST({patch} AS jsonb))"
    return f"json_patch({column}, {patch})"


class unindexed(FunctionElement[Any]):  # noqa: N801 - an SQL function
    """unindexed(column): the column, by whose index SQLite is not to look rows up."""

    inherit_cache = True

    def __init__(self, column: Any) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(unindexed)
def _unindexed(element: Any, compiler: Any, **kw: Any) -> str:
    column = compiler.process(element.clauses, **kw)
    return str(column) if compiler.dialect.name == "postgresql" else f"+{column}"


class first_of(FunctionElement[bool]):  # noqa: N801 - an SQL function
    """first_of(id, select of ids): the id is among them, which are looked up before everything else."""

    type = sa.Boolean()
    inherit_cache = True

    def __init__(self, key: Any, ids: sa.Select[Any]) -> None:
        super().__init__(key, ids.scalar_subquery())


@compiles(first_of)
def _first_of(element: Any, compiler: Any, **kw: Any) -> str:
    key, ids = (compiler.process(c, **kw) for c in element.clauses)
    # An array has no estimate that could make the planner begin elsewhere.
    return f"({key} = ANY (ARRAY{ids}))" if compiler.dialect.name == "postgresql" else f"({key} IN {ids})"


def shown(column: Any, hidden: tuple[str, ...], dialect: str) -> Any:
    """Return a record's custom values without the keys that are not to be given."""
    if not hidden:
        return sa.type_coerce(column, RawJson())
    path = "" if dialect == "postgresql" else "$."
    return without_keys(column, *(sa.literal(f"{path}{k}", sa.String()) for k in hidden))


def stored(value: Value, table: Any) -> Any:
    """Return the column of `core_field_value` that holds a field's values: `table` is an alias of it."""
    kind = value.field.kind
    if kind in MOMENTS:
        return table.c.moment
    if kind in NUMBERS:
        return table.c.number
    return table.c.folded if kind in (*TEXTS, "choice", "multi_choice", "long_text", "rich_text") else table.c.ref


def bound(value: Value) -> Any:
    """Return the type that a field's values are bound with."""
    kind = value.field.kind
    if kind == "date":
        return Day()
    if kind in MOMENTS:
        return UTCDateTime()
    if kind in NUMBERS:
        return Amount()
    return sa.String() if kind in (*TEXTS, "choice", "multi_choice") else Id()


def of_field(one: CustomOn) -> tuple[Any, Any]:
    """Return (an alias of `core_field_value`, the condition that its rows are this field's)."""
    table = TABLE.alias()
    return table, table.c.field_id == sa.literal(one.id, Id())


def single(one: CustomOn, value: Value, at: sa.FromClause) -> Any:
    """Return the value of a field on a row of `at` as a subquery: for links and for a sort key that is shown."""
    table, mine = of_field(one)
    column = sa.type_coerce(stored(value, table), bound(value))
    found = sa.select(column).where(mine, table.c.record_id == at.c.id, table.c.place == 0)
    return found.correlate(at).scalar_subquery()


def owners(one: CustomOn, ref: Any, at: sa.FromClause) -> Any:
    """Return the ids of records whose link is `ref`, a column of `at`."""
    table, mine = of_field(one)
    return sa.select(table.c.record_id).where(mine, table.c.ref == ref).correlate(at)


def linked(one: CustomOn, at: sa.FromClause) -> Any:
    """Return the ids that a field of several links holds on a row of `at`."""
    table, mine = of_field(one)
    return sa.select(table.c.ref).where(mine, table.c.record_id == at.c.id).correlate(at)


def sort_key(one: CustomOn, value: Value, at: sa.FromClause) -> tuple[Any, Any, Any, Any]:
    """Return (key, id, condition that joins its rows to `at`, condition that there is none): in order of an index."""
    table, mine = of_field(one)
    other, its = of_field(one)
    column = sa.type_coerce(stored(value, table), bound(value))
    none = ~sa.exists().where(its, other.c.record_id == at.c.id, other.c.place >= sa.literal_column("0")).correlate(at)
    there = sa.and_(mine, column.is_not(None), table.c.record_id == at.c.id)  # what the partial index asks for
    return column, table.c.record_id, there, none
