"""Which series numbers a kind of document, and what comes next."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from crm_core.entity.filter_times import CalendarSettings
from crm_core.errors import Invalid
from crm_core.features.number_series import patterns
from crm_core.features.number_series.models import LegalEntity, NumberCounter, NumberSeries
from crm_core.plugin import Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class NumberSeriesMissing(Invalid):
    """Nobody said how documents of this kind are numbered."""


async def default_entity(uow: UnitOfWork) -> LegalEntity | None:
    """Return the legal entity that documents are written for unless they say otherwise."""
    wanted = sa.select(LegalEntity).where(LegalEntity.is_default.is_(True), LegalEntity.deleted_at.is_(None))
    found: LegalEntity | None = await uow.session.scalar(wanted)
    return found


async def series_of(uow: UnitOfWork, kind: str, legal_entity: UUID | None) -> NumberSeries:
    """Return the series of a legal entity (None: the default one), else the shared one; NumberSeriesMissing if none."""
    if legal_entity is None and (default := await default_entity(uow)) is not None:
        legal_entity = default.id
    whose = sa.or_(NumberSeries.legal_entity_id == legal_entity, NumberSeries.legal_entity_id.is_(None))
    wanted = sa.select(NumberSeries).where(NumberSeries.kind == kind, NumberSeries.deleted_at.is_(None), whose)
    found: NumberSeries | None = await uow.session.scalar(wanted.order_by(NumberSeries.legal_entity_id.is_(None)))
    if found is None:
        raise NumberSeriesMissing(_("There is no number series for {kind}.", kind=kind))
    return found


async def period(uow: UnitOfWork, series: NumberSeries, on: date | None) -> tuple[int, int]:
    """Return the year of the counter (0: the only one) and the year written, for a day (None: today)."""
    day = on or uow.now.astimezone(ZoneInfo(uow.zone)).date()
    first = (await uow.settings(CalendarSettings)).fiscal_year_start if series.reset == "fiscal" else 1
    year = patterns.year_of(day, series.reset, first)
    return (0 if series.reset == "never" else year), year


async def last_used(uow: UnitOfWork, series_id: UUID, year: int | None = None) -> int | None:
    """Return the largest number used in a year, or (None) in any."""
    wanted = sa.select(sa.func.max(NumberCounter.last)).where(NumberCounter.series_id == series_id)
    if year is not None:
        wanted = wanted.where(NumberCounter.year == year)
    found: int | None = await uow.session.scalar(wanted)
    return found


async def preview(uow: UnitOfWork, series: NumberSeries, on: date | None = None) -> str:
    """Return the number that would be drawn now, without drawing it; somebody else may draw it first."""
    counter, year = await period(uow, series, on)
    last = await last_used(uow, series.id, counter)
    return patterns.write(series.pattern, max((last or 0) + 1, series.start), year)
