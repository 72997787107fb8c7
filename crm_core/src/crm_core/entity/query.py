"""Lists of an entity: rows under their rights, columns to structs, one page after the other by key.

A page is read by (sort key, id); records without the key come last, in a range of their own, so that
both ranges follow an index and a deep page costs what the first costs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.db.types import Id
from crm_core.entity import access, columns, cursors, filter_memory, filter_sql, filters, paths, search
from crm_core.entity import fields as f
from crm_core.entity.filter_values import NOBODY, Moment
from crm_core.entity.outputs import Output, output_of
from crm_core.entity.statements import Query, Shapes, parameter, prepared
from crm_core.entity.values import expanded, labels, parts_of, values_of
from crm_core.errors import Invalid
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")

LIMIT = 50
MOST = 500
COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class ListParams:
    """What a list asks for.

    filter: JSON text, decoded JSON or a parsed filter. q: words to search for. sort: a sortable field,
    "-" first for descending. fields: None for every plain field. limit: 1 to 500 rows. cursor: from the
    page before. deleted: the trash. expand: links whose records are given along.
    """

    filter: Any = None
    q: str = ""
    sort: str = ""
    fields: tuple[str, ...] | None = None
    limit: int = LIMIT
    cursor: str | None = None
    deleted: bool = False
    expand: tuple[str, ...] = ()


class Page(msgspec.Struct, frozen=True):
    """One page. Items are structs whose fields are the API's keys."""

    items: list[Any]
    next_cursor: str | None = None
    has_more: bool = False


@dataclass(slots=True)
class Asked:
    """A list's parameters, understood and checked for one actor; `key` is what decides the SQL."""

    entity: Entity
    node: filters.Node
    words: list[str]
    deleted: bool
    key: tuple[Any, ...]
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sort:
    """One sortable key: its field, direction, and whether it can be missing."""

    value: paths.Value
    down: bool
    nullable: bool
    by_id: bool

    @property
    def name(self) -> str:
        """Return the sort as it was asked for."""
        return ("-" if self.down else "") + self.value.field.name


def moment(uow: UnitOfWork) -> Moment:
    """Return when and for whom filters are asked in a unit of work."""
    return Moment(uow.now, uow.zone, uow.actor.user_id or NOBODY)


def asked(uow: UnitOfWork, entity: Entity, params: ListParams) -> Asked:
    """Check filter and search words of a list; Invalid says what is wrong."""
    node = filters.parse(uow.registry, uow.actor, entity, params.filter)
    words = search.words_of(params.q)
    if params.q.strip():
        node, words = _searched(uow, entity, node, words)
    involved = dict.fromkeys(
        s.target.name for path, _value in filters.steps_of(node) for s in path.steps if isinstance(s.target, Entity)
    )
    key = (
        entity.name, filters.shape(node), bool(words), params.deleted,
        access.shape(uow.registry, uow.actor, entity),
        *(access.shape(uow.registry, uow.actor, uow.registry.entities[e]) for e in involved),
    )  # fmt: skip
    found = Asked(entity, node, words, params.deleted, key)
    found.params = {f"p{i}": v for i, v in enumerate(filters.arguments(node, moment(uow)))}
    found.params.update(access.parameters(uow.actor))
    if words:
        found.params["words"] = search.match(uow.db.dialect, words)
    return found


def _searched(
    uow: UnitOfWork, entity: Entity, node: filters.Node, words: list[str]
) -> tuple[filters.Node, list[str]]:
    """Return filter and index words for a search: whoever is barred from something indexed searches the title."""
    if words and search.searchable(entity) and not search.barred(uow.actor, entity):
        return node, words
    title = paths.names(uow.registry, entity.name).values[entity.title]
    if not words or not paths.sees(uow.actor, title) or columns.twin_of(title) is None:
        return filters.NOTHING, []
    path = paths.Path(entity.title, (), title)
    return filters.All((node, filters.Test(path, "has_words", tuple(f" {w}" for w in words)))), []


def condition(uow: UnitOfWork, it: Asked) -> sa.ColumnElement[bool]:
    """Return the condition of a list: rights, filter and search words."""
    table = access.table_of(it.entity)
    parts = [
        access.rows(uow.registry, uow.actor, it.entity, "read", deleted=it.deleted),
        filter_sql.compile_filter(uow.registry, uow.actor, it.entity, it.node),
    ]
    if it.words:
        parts.append(table.c.id.in_(search.found(uow.db.dialect, it.entity)))
    return sa.and_(*parts)


def sort_of(uow: UnitOfWork, entity: Entity, text: str) -> Sort:
    """Return the key a list is sorted by; Invalid for what is not sortable."""
    name = text or entity.default_sort or "id"
    value = paths.own_field(uow.registry, uow.actor, entity, name.removeprefix("-"))
    if not value.field.sortable and value.field.name != "id":
        raise Invalid(_("{name} cannot be sorted by.", name=value.field.name))
    if isinstance(value.field, f.Text) and columns.twin_of(value) is None:
        raise Invalid(_("{name} cannot be sorted by.", name=value.field.name))
    by_id = value.field.name == "id"
    return Sort(value, name.startswith("-"), not by_id and columns.nullable(value), by_id)


def sort_column(uow: UnitOfWork, entity: Entity, sort: Sort) -> Any:
    """Return the SQL of a sort key: the folded twin of a text, otherwise the column, as far as readable."""
    twin = columns.twin_of(sort.value) if isinstance(sort.value.field, f.Text) else None
    column = columns.raw(sort.value, access.table_of(entity), twin[0] if twin else "")
    return access.readable(uow.registry, uow.actor, entity, sort.value.field, column)


async def list_records(uow: UnitOfWork, entity: Entity, params: ListParams) -> Page:
    """Return one page of the records the actor may read. Invalid for anything not understood."""
    if not 1 <= params.limit <= MOST:
        raise Invalid(_("A page has 1 to {count} records.", count=MOST))
    it = asked(uow, entity, params)
    sort = sort_of(uow, entity, params.sort)
    output = output_of(uow, entity, params.fields, params.expand)
    at = cursors.read(uow, entity.name, sort.name, params.cursor) if params.cursor else None
    rows: list[Any] = []
    if at is None or not at.missing:
        rows = list(await _range(uow, it, sort, output, at, params.limit + 1, missing=False))
    if sort.nullable and len(rows) <= params.limit:
        after = at if at is not None and at.missing else None
        rows += await _range(uow, it, sort, output, after, params.limit + 1 - len(rows), missing=True)
    more = len(rows) > params.limit
    del rows[params.limit :]
    cursor = cursors.write(uow, entity.name, sort.name, rows[-1][0], rows[-1][1]) if more else None
    return Page(await _items(uow, output, rows), cursor, more)


async def _range(
    uow: UnitOfWork, it: Asked, sort: Sort, output: Output, at: cursors.Cursor | None, limit: int, *, missing: bool
) -> Any:
    key = ("list", it.key, sort.name, output.key, at is None, missing)
    query = prepared(uow, key, lambda: _statement(uow, it, sort, output, at is not None, missing=missing))
    params = {**it.params, "limit": limit}
    if at is not None:
        params |= {"after": at.value, "after_id": at.id}
    return await query.fetch(uow, params)


def _statement(
    uow: UnitOfWork, it: Asked, sort: Sort, output: Output, after: bool, *, missing: bool
) -> sa.Select[Any]:
    """Return the select of a page's range: key, id, then the output's columns."""
    table = access.table_of(it.entity)
    key = sort_column(uow, it.entity, sort)
    where = [condition(uow, it)]
    after_id = parameter("after_id", Id())
    if sort.by_id or missing:
        order = [table.c.id]
        if missing:
            where.append(sa.or_(key.is_(None), key == "") if _textual(sort) else key.is_(None))
        if after:
            where.append(table.c.id < after_id if sort.down else table.c.id > after_id)
    else:
        order = [key, table.c.id]
        if sort.nullable:
            where.append(key > "" if _textual(sort) else key.is_not(None))
        if after:
            both = sa.tuple_(key, table.c.id)
            given = sa.tuple_(parameter("after", key.type), after_id)
            where.append(both < given if sort.down else both > given)
    shown = sa.null() if missing else key
    return (
        sa.select(shown.label("_key"), table.c.id.label("_id"), *output.columns(uow))
        .where(*where)
        .order_by(*(c.desc() if sort.down else c.asc() for c in order))
        .limit(parameter("limit", sa.Integer()))
    )


def _textual(sort: Sort) -> bool:
    return isinstance(sort.value.field, f.Text)


async def _items(uow: UnitOfWork, output: Output, rows: list[Any]) -> list[Any]:
    struct = output.struct
    if not output.parts and not output.expand:
        return [struct(*row[2:]) for row in rows]
    ids = [row[1] for row in rows]
    extra = [await parts_of(uow, output.entity, name, ids) for name in output.parts]
    more = [await expanded(uow, output, name, rows) for name in output.expand]
    empty: list[Any] = []
    return [
        struct(*row[2:], *(e.get(row[1], empty) for e in extra), *(m.get(row[1]) for m in more)) for row in rows
    ]


async def count(uow: UnitOfWork, entity: Entity, params: ListParams, *, at_most: int = COUNTED) -> int:
    """Return how many records a list has in all; counting stops at `at_most`."""
    it = asked(uow, entity, params)

    def make() -> sa.Select[Any]:
        one = sa.select(sa.literal_column("1")).select_from(access.table_of(entity)).where(condition(uow, it))
        return sa.select(sa.func.count()).select_from(one.limit(parameter("most", sa.Integer())).subquery())

    rows = await prepared(uow, ("count", it.key), make).fetch(uow, {**it.params, "most": at_most})
    return int(rows[0][0])


async def totals(uow: UnitOfWork, entity: Entity, params: ListParams, sums: tuple[str, ...]) -> dict[str, Any]:
    """Return {"count": n, field: sum or None} over a whole list; money is summed in the base currency."""
    it = asked(uow, entity, params)
    values = [paths.own_field(uow.registry, uow.actor, entity, name) for name in sums]
    if bad := next((v for v in values if not isinstance(v.field, f.Integer | f.Decimal | f.Money)), None):
        raise Invalid(_("{name} cannot be summed.", name=bad.field.name))

    def make() -> sa.Select[Any]:
        table = access.table_of(entity)
        shown = [access.readable(uow.registry, uow.actor, entity, v.field, columns.raw(v, table)) for v in values]
        added = [sa.type_coerce(sa.func.sum(c), c.type) for c in shown]
        return sa.select(sa.func.count(), *added).select_from(table).where(condition(uow, it))

    rows = await prepared(uow, ("totals", it.key, sums), make).fetch(uow, it.params)
    return {"count": int(rows[0][0]), **dict(zip(sums, rows[0][1:], strict=True))}


async def matches(uow: UnitOfWork, entity: Entity, node: filters.Node, record: Any) -> bool:
    """Return whether a filter holds for a record: in memory where its own columns decide, else in the database.

    The database sees what was flushed.
    """
    if filters.own(node) and not any(v and v.field.readable for _path, v in filters.steps_of(node)):
        values = record if isinstance(record, dict) else record.__dict__
        return filter_memory.matches(node, values, moment(uow))
    it = asked(uow, entity, ListParams(filter=node, deleted=record.deleted_at is not None))
    table = access.table_of(entity)
    query = prepared(
        uow, ("matches", it.key),
        lambda: sa.select(table.c.id).where(condition(uow, it), table.c.id == parameter("record", Id())),
    )  # fmt: skip
    return bool(await query.fetch(uow, {**it.params, "record": record.id}))


async def ids(uow: UnitOfWork, entity: Entity, params: ListParams, *, limit: int = MOST) -> list[UUID]:
    """Return the ids of a list's first records, without order: for bulk actions."""
    it = asked(uow, entity, params)
    table = access.table_of(entity)
    query = prepared(
        uow, ("ids", it.key),
        lambda: sa.select(table.c.id).where(condition(uow, it)).limit(parameter("limit", sa.Integer())),
    )  # fmt: skip
    return [row[0] for row in await query.fetch(uow, {**it.params, "limit": limit})]


__all__ = [
    "ListParams", "Page", "Query", "Shapes", "asked", "condition", "count", "ids", "labels", "list_records",
    "matches", "moment", "prepared", "totals", "values_of",
]  # fmt: skip
