"""Amounts in custom fields and in fields of plugins follow the exchange rates, as those of records do."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.db.types import Json
from crm_core.entity import fields as f
from crm_core.entity.custom_fields import CustomOn
from crm_core.entity.custom_sql import with_values
from crm_core.entity.custom_values import TABLE, UNRATED
from crm_core.entity.money import Rates, times
from crm_core.features.custom_fields.schemas import RevalueFields
from crm_core.plugin import Entity, FieldOn, Listener

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.jobs.context import JobContext
    from crm_core.uow import UnitOfWork

CHUNK = 200  # amounts in one transaction


async def follow(uow: UnitOfWork, event: Happened) -> None:
    """Enqueue the valuing of a rate's currency, once a transaction, if there are such fields at all."""
    if not any(_amounts(uow, entity) for entity in uow.registry.entities.values()):
        return
    asked = {row["lane"] for row in uow.jobs}  # a savepoint that is rolled back takes its jobs along
    named = {event.record.currency if event.record is not None else None, event.before.get("currency")}
    for currency in {str(c) for c in named if c}:
        if (lane := f"core.revalue_fields:{currency}") not in asked:
            await uow.enqueue(RevalueFields(currency=currency), lane=lane)


LISTENERS = tuple(
    Listener(event=f"core.rate.{kind}", run=follow, name="core.value_fields_anew")
    for kind in ("created", "updated", "deleted", "restored")
)


def _amounts(uow: UnitOfWork, entity: Entity) -> list[FieldOn]:
    """Return the amounts that are not on the rows of an entity; archived fields too, they may come back."""
    custom = uow.registry.custom.get(entity.name, ())
    stored = [x for x in uow.registry.extensions.get(entity.name, ()) if x.model is not None]
    return [x for x in (*custom, *stored) if isinstance(x.field, f.Money)]


async def revalue_fields(job: JobContext, call: RevalueFields) -> None:
    """Value every such amount of a currency, a chunk a transaction. May run twice; no versions, no events."""
    done = 0
    for entity in job.kernel.registry.entities.values():
        async with job.reading() as reading:
            fields = _amounts(reading, entity)
        for one in fields:
            after: UUID | None = UUID(int=0)
            while after is not None:
                async with job.transaction() as uow:
                    count, after = await _chunk(uow, entity, one, call.currency, after)
                done += count
                await job.progress(done)


async def _chunk(uow: UnitOfWork, entity: Entity, one: FieldOn, currency: str, after: UUID) -> tuple[int, UUID | None]:
    """Value the next amounts; return how many there were and the last id, None at the end."""
    rates = await Rates.load(uow)
    rate = rates.on(currency, rates.today)
    # On the writer, where a record that changes meanwhile waits.
    writer = await uow.session.connection(bind_arguments={"clause": sa.update(TABLE)})
    if isinstance(one, CustomOn):
        ids = await _custom(writer, entity, one, currency, after, rate, rates)
    else:
        ids = await _beside(writer, one, currency, after, rate, rates)
    return len(ids), ids[-1] if len(ids) == CHUNK else None


async def _custom(
    writer: Any, entity: Entity, one: CustomOn, currency: str, after: UUID, rate: Decimal | None, rates: Rates
) -> Sequence[UUID]:
    table: Any = entity.model.__table__
    mine = sa.and_(TABLE.c.field_id == one.id, TABLE.c.folded == currency)
    wanted = sa.select(TABLE.c.record_id).where(mine, TABLE.c.record_id > after).order_by(TABLE.c.record_id)
    ids: Sequence[UUID] = (await writer.execute(wanted.limit(CHUNK))).scalars().all()
    closed = next((x.closed_field for x in entity.fields if isinstance(x, f.Stage) and x.closed_field), None)
    day = table.c[closed] if closed else sa.null()
    rows = (
        await writer.execute(
            sa.select(table.c.id, table.c.custom, day).where(table.c.id.in_(ids)).with_for_update(of=table)
        )
    ).all()
    base, name, rated = f"{one.key}_base", f"{one.key}_rate", f"{one.key}_rate_on"
    shown, found = [], []
    for key, custom, on in rows:
        if custom.get(one.key) is None or (on is not None and custom.get(base) is not None):
            continue  # a closed record keeps the worth of its day
        worth = rates.on(currency, on) if on is not None else rate
        value = None if worth is None else times(one.field.name, Decimal(custom[one.key]), worth)
        told = None if worth is None else str(on or rates.today)
        patch = {base: None if value is None else str(value), name: None if worth is None else str(worth), rated: told}
        shown.append({"key": key, "patch": patch})
        found.append({"key": key, "number": value, "place": UNRATED if value is None else 0})
    if shown:
        patched = with_values(table.c.custom, sa.bindparam("patch", type_=Json()))
        await writer.execute(sa.update(table).where(table.c.id == sa.bindparam("key")).values(custom=patched), shown)
        its = sa.and_(TABLE.c.field_id == one.id, TABLE.c.record_id == sa.bindparam("key"))
        moved: dict[Any, Any] = {TABLE.c.number: sa.bindparam("number"), TABLE.c.place: sa.bindparam("place")}
        await writer.execute(sa.update(TABLE).where(its).values(moved), found)
    return ids


async def _beside(
    writer: Any, one: FieldOn, currency: str, after: UUID, rate: Decimal | None, rates: Rates
) -> Sequence[UUID]:
    assert one.model is not None
    table: Any = one.model.__table__
    amount, code, base = (table.c[c] for c in one.field.columns[:3])
    held = sa.and_(code == currency, amount.is_not(None), table.c.record_id > after)
    wanted = sa.select(table.c.record_id, amount).where(held).order_by(table.c.record_id).limit(CHUNK)
    rows = (await writer.execute(wanted.with_for_update())).all()
    new: dict[Any, Any] = {base: sa.bindparam("base")}
    if f"{amount.key}_rate" in table.c:
        new |= {table.c[f"{amount.key}_rate"]: rate, table.c[f"{amount.key}_rate_on"]: rates.today if rate else None}
    values = [{"key": k, "base": None if rate is None else times(one.field.name, a, rate)} for k, a in rows]
    if values:
        await writer.execute(sa.update(table).where(table.c.record_id == sa.bindparam("key")).values(new), values)
    return [key for key, _amount in rows]
