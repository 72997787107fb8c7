"""Drawing numbers."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from crm_core.entity import records
from crm_core.entity.inserts import send
from crm_core.errors import Conflict
from crm_core.features.number_series import patterns
from crm_core.features.number_series.models import NumberCounter, NumberSeries
from crm_core.features.number_series.queries import period, series_of
from crm_core.plugin import Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")

ALONE = """
insert into core_number_counter (series_id, year, last) values ($1, $2, $3)
on conflict (series_id, year) do update set last = greatest(core_number_counter.last + 1, $3) returning last
"""


class NumbersUsedUp(Conflict):
    """The series has reached its largest number."""


async def next_number(uow: UnitOfWork, kind: str, *, on: date | None = None, legal_entity: UUID | None = None) -> str:
    """Draw the next number of a kind of document, "Q-2026-00042".

    on: the day of the document, which decides the year; today in the actor's zone when None. legal_entity: whose
    series; the default entity's when None, and the shared series where there is no own one.
    A gapless series is drawn in this transaction: a rollback gives the number back, and others who draw from it
    wait for the commit, so draw late. Others are drawn in a transaction of their own (on SQLite, which has one
    writer anyway, they are not) and leave a hole when this one fails.
    Raises NumberSeriesMissing when there is no series, NumbersUsedUp after the largest number.
    """
    uow.demand_write()
    await send(uow)  # a series made in this transaction has to be there
    series = await series_of(uow, kind, legal_entity)
    counter, year = await period(uow, series, on)
    if series.gapless or uow.db.sqlite:
        number = await _draw(uow, series, counter)
    else:
        number = await _draw_alone(uow, series, counter)
    if number > patterns.LARGEST:
        raise NumbersUsedUp(_("The number series {name} is used up.", name=series.name))
    return patterns.write(series.pattern, number, year)


async def _draw(uow: UnitOfWork, series: NumberSeries, year: int) -> int:
    insert: Any = sqlite.insert if uow.db.sqlite else postgresql.insert
    following = NumberCounter.last + 1
    new = insert(NumberCounter.__table__).values(series_id=series.id, year=year, last=series.start)
    raised = new.on_conflict_do_update(
        index_elements=["series_id", "year"],
        set_={"last": sa.case((following > series.start, following), else_=series.start)},
    )
    found: int | None = await uow.session.scalar(raised.returning(NumberCounter.last))
    assert found is not None  # an upsert always returns its row
    return found


async def _draw_alone(uow: UnitOfWork, series: NumberSeries, year: int) -> int:
    """Draw on a connection of its own: one from the pool could be the last, held by those who wait for it."""
    connection = await asyncpg.connect(uow.db.dsn)
    try:
        number: int = await connection.fetchval(ALONE, series.id, year, series.start)
    finally:
        await connection.close()
    return number


async def ensure_series(uow: UnitOfWork, kind: str, name: str, pattern: str, **values: Any) -> NumberSeries:
    """Return the shared series of a kind; make it if there is none, so that a plugin's defaults may be loaded twice."""
    await send(uow)
    wanted = sa.select(NumberSeries).where(
        NumberSeries.kind == kind, NumberSeries.legal_entity_id.is_(None), NumberSeries.deleted_at.is_(None)
    )
    found: NumberSeries | None = await uow.session.scalar(wanted)
    if found is not None:
        return found
    entity = uow.registry.entity("core.number_series")
    made: NumberSeries = await records.create(
        uow, entity, {"kind": kind, "name": name, "pattern": pattern, **values}, trusted=True
    )
    return made
