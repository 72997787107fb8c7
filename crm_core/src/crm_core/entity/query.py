"""Lists of an entity: rows under their rights, columns to structs, one page after the other by key.

A page is read by (sort key, id); records without the key come last, in a range of their own, so that
both ranges follow an index and a deep page costs what the first costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from crm_core.db.types import Id
from crm_core.entity import access, cursors
from crm_core.entity.asking import Asked, ListParams, asked, condition, moment, weigh
from crm_core.entity.counting import count, ids, totals, unrated
from crm_core.entity.outputs import Output, output_of
from crm_core.entity.single import holds, matches, one_record
from crm_core.entity.sorting import Sort, sort_keys, sort_of
from crm_core.entity.statements import Query, parameter, prepared
from crm_core.entity.values import expanded, labels, parts_of, values_of
from crm_core.errors import Invalid
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")

MOST = 500
Listed = sa.Select[Any] | sa.CompoundSelect[Any]


class Page(msgspec.Struct, frozen=True):
    """One page. Items are structs whose fields are the API's keys."""

    items: list[Any]
    next_cursor: str | None = None
    has_more: bool = False


async def list_records(uow: UnitOfWork, entity: Entity, params: ListParams) -> Page:
    """Return one page of the records the actor may read. Invalid for anything not understood."""
    if not 1 <= params.limit <= MOST:
        raise Invalid(_("A page has 1 to {count} records.", count=MOST))
    it = await asked(uow, entity, params)
    await weigh(uow, it)
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


def _statement(uow: UnitOfWork, it: Asked, sort: Sort, output: Output, after: bool, *, missing: bool) -> Listed:
    """Return the select of a page's range: key, id, then the output's columns."""
    table = access.table_of(it.entity)
    key, tie, present, absent = sort_keys(uow, it.entity, sort)
    where: list[Any] = []
    after_id = parameter("after_id", Id())
    if sort.by_id or missing:
        order = [table.c.id]
        if missing:
            where.append(absent)
        if after:
            where.append(table.c.id < after_id if sort.down else table.c.id > after_id)
    else:
        order = [key, tie]
        if tie is not table.c.id:
            where.append(present)
        elif sort.nullable and (sort.down or not after):
            # Not beside `(key, id) > …`, which says it too: SQLite would begin its search here, at the first row.
            where.append(present)
        if after:
            both = sa.tuple_(key, tie)
            given = sa.tuple_(parameter("after", key.type), after_id)
            where.append(both < given if sort.down else both > given)
    shown = sa.null() if missing else key
    page = sa.select(shown.label("_key"), table.c.id.label("_id"), *output.columns(uow)).where(*where)
    limit = parameter("limit", sa.Integer())
    parted = uow.db.sqlite and not missing and not sort.by_id  # PostgreSQL would read and sort both halves whole
    if parted and (halves := access.halves(uow.registry, uow.actor, it.entity, key)):
        merged = sa.union_all(*(page.where(condition(uow, it, half)) for half in halves))
        return merged.order_by(*(sa.desc(n) if sort.down else sa.asc(n) for n in ("_key", "_id"))).limit(limit)
    page = page.where(condition(uow, it))
    return page.order_by(*(c.desc() if sort.down else c.asc() for c in order)).limit(limit)


async def _items(uow: UnitOfWork, output: Output, rows: list[Any]) -> list[Any]:
    struct = output.struct
    if not output.parts and not output.expand:
        return [struct(*row[2:]) for row in rows]
    ids = [row[1] for row in rows]
    extra = [await parts_of(uow, output.entity, name, ids) for name in output.parts]
    more = [await expanded(uow, output, name, rows) for name in output.expand]
    empty: list[Any] = []
    end = 2 + output.width
    return [struct(*row[2:end], *(e.get(row[1], empty) for e in extra), *(m.get(row[1]) for m in more)) for row in rows]


__all__ = [
    "ListParams", "Page", "Query", "asked", "condition", "count", "holds", "ids", "labels", "list_records",
    "matches", "moment", "one_record", "prepared", "totals", "unrated", "values_of",
]  # fmt: skip
