"""Numbers over whole lists, and the ids of their records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.entity import access, columns, custom_sql, paths
from crm_core.entity import fields as f
from crm_core.entity.asking import ListParams, asked, condition, weigh
from crm_core.entity.custom_fields import custom_of
from crm_core.entity.custom_values import UNRATED
from crm_core.entity.statements import parameter, prepared
from crm_core.errors import Invalid
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")

COUNTED = 10_000
MOST = 500


async def count(uow: UnitOfWork, entity: Entity, params: ListParams, *, at_most: int = COUNTED) -> int:
    """Return how many records a list has in all; counting stops at `at_most`."""
    it = await asked(uow, entity, params)
    await weigh(uow, it, in_order=False)

    def make() -> sa.Select[Any]:
        one: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(access.table_of(entity))
        one = one.where(condition(uow, it))
        return sa.select(sa.func.count()).select_from(one.limit(parameter("most", sa.Integer())).subquery())

    rows = await prepared(uow, ("count", it.key), make).fetch(uow, {**it.params, "most": at_most})
    return int(rows[0][0])


async def totals(uow: UnitOfWork, entity: Entity, params: ListParams, sums: tuple[str, ...]) -> dict[str, Any]:
    """Return {"count": n, field: sum or None} over a whole list; money is summed in the base currency.

    With money among them, "unrated" says what the sums leave out: {field: {currency without a rate: records}}.
    """
    it = await asked(uow, entity, params)
    await weigh(uow, it, in_order=False)
    values = [paths.own_field(uow.registry, uow.actor, entity, name) for name in sums]
    if bad := next((v for v in values if not isinstance(v.field, f.Integer | f.Decimal | f.Money)), None):
        raise Invalid(_("{name} cannot be summed.", name=bad.field.name))

    def make() -> sa.Select[Any]:
        table = access.table_of(entity)
        shown = [access.readable(uow.registry, uow.actor, entity, v.field, columns.raw(v, table)) for v in values]
        added = [sa.type_coerce(sa.func.sum(c), c.type) for c in shown]
        return sa.select(sa.func.count(), *added).select_from(table).where(condition(uow, it))

    rows = await prepared(uow, ("totals", it.key, sums), make).fetch(uow, it.params)
    found = {"count": int(rows[0][0]), **dict(zip(sums, rows[0][1:], strict=True))}
    amounts = [v.field.name for v in values if isinstance(v.field, f.Money)]
    return {**found, **({"unrated": {n: await unrated(uow, entity, params, n) for n in amounts}} if amounts else {})}


async def unrated(uow: UnitOfWork, entity: Entity, params: ListParams, name: str) -> dict[str, int]:
    """Return {currency: records} of a list's amounts without a base amount: what a sum of this money leaves out."""
    it = await asked(uow, entity, params)
    value = paths.own_field(uow.registry, uow.actor, entity, name)

    def make() -> sa.Select[Any]:
        table = access.table_of(entity)
        custom = custom_of(value)
        if custom is not None:
            side, mine = custom_sql.of_field(custom)
            held = sa.and_(side.c.record_id == table.c.id, mine, side.c.place == UNRATED)
            code, seen = side.c.folded, held
        else:
            amount, code, base = (columns.raw(value, table, f"{name}{part}") for part in ("", "_currency", "_base"))
            readable = access.readable(uow.registry, uow.actor, entity, value.field, amount)
            seen = sa.and_(readable.is_not(None), base.is_(None))
        query = sa.select(code, sa.func.count()).select_from(table).where(condition(uow, it), seen)
        first: Any = sa.literal_column("1")
        return query.group_by(first).order_by(first)

    rows = await prepared(uow, ("unrated", it.key, name), make).fetch(uow, it.params)
    return {code: int(count) for code, count in rows}


async def ids(uow: UnitOfWork, entity: Entity, params: ListParams, *, limit: int = MOST) -> list[UUID]:
    """Return the ids of a list's first records, without order: for bulk actions."""
    it = await asked(uow, entity, params)
    table = access.table_of(entity)
    query = prepared(
        uow, ("ids", it.key),
        lambda: sa.select(table.c.id).where(condition(uow, it)).limit(parameter("limit", sa.Integer())),
    )  # fmt: skip
    return [row[0] for row in await query.fetch(uow, {**it.params, "limit": limit})]
