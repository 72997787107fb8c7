"""Valuing amounts anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.entity import fields as f
from crm_core.entity.money import Rates, times
from crm_core.features.money.queries import following
from crm_core.plugin import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def revalue(
    uow: UnitOfWork, entity: Entity, field: f.Money, currency: str, after: UUID | None, limit: int
) -> tuple[int, UUID | None]:
    """Compute at most `limit` base amounts anew, those of ids above `after`; return how many, and the last id.

    An amount with a day (that of a closed deal) is touched only when it was never valued; it takes the rate of its day.
    Derived values: no version is raised and no event is written. A second run computes the same.
    """
    table: Any = entity.model.__table__
    names = (field.name, f"{field.name}_base", f"{field.name}_rate", f"{field.name}_rate_on")
    day = table.c[field.date_field] if field.date_field else sa.null()
    wanted = sa.select(table.c.id, table.c[field.name], day).where(following(entity, field, currency))
    wanted = wanted if after is None else wanted.where(table.c.id > after)
    rates = await Rates.load(uow)
    # On the writer, and locked on PostgreSQL: an amount that changes meanwhile would get the worth of the old one.
    connection = await uow.session.connection(bind_arguments={"clause": sa.update(table)})
    rows = (await connection.execute(wanted.order_by(table.c.id).limit(limit).with_for_update(of=table))).all()
    values = []
    for key, amount, on in rows:
        rate = rates.on(currency, on or rates.today)
        base = None if rate is None else times(field.name, amount, rate)
        values.append({"key": key, names[1]: base, names[2]: rate, names[3]: (on or rates.today) if rate else None})
    if values:
        new: dict[Any, Any] = {table.c[n]: sa.bindparam(n) for n in names[1:] if n in table.c}
        await connection.execute(sa.update(table).where(table.c.id == sa.bindparam("key")).values(new), values)
    return len(rows), rows[-1][0] if len(rows) == limit else None
