"""Where event sinks are."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from crm_core.entity.event_rows import EventPosition, EventRow
from crm_core.errors import NotFound
from crm_core.features.sinks.schemas import SinkOut
from crm_core.i18n import Strings
from crm_core.jobs.tables import SINKS
from crm_core.plugin import hookspecs
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class SinkUnknown(NotFound):
    """There is no sink of this name, or it has not been started yet."""


async def sinks(uow: UnitOfWork) -> list[SinkOut]:
    """Return all sinks that were ever started here, by name."""
    rows = (await uow.session.execute(sa.select(SINKS).order_by(SINKS.c.name))).all()
    return [await _sink(uow, row) for row in rows]


async def sink_of(uow: UnitOfWork, name: str) -> SinkOut:
    """Return one sink; SinkUnknown."""
    row = (await uow.session.execute(sa.select(SINKS).where(SINKS.c.name == name))).one_or_none()
    if row is None:
        raise SinkUnknown(_("There is no such event sink."))
    return await _sink(uow, row)


async def _sink(uow: UnitOfWork, row: Any) -> SinkOut:
    place, event = EventPosition.__table__, EventRow.__table__
    behind = place.c.position > row.position
    lag = await uow.session.scalar(sa.select(sa.func.count()).where(behind)) or 0
    front = (
        await uow.session.execute(
            sa.select(place.c.position, event.c.id, event.c.type, event.c.at)
            .join_from(place, event, event.c.id == place.c.event_id)
            .where(behind)
            .order_by(place.c.position)
            .limit(1)
        )
    ).one_or_none()
    position, event_id, kind, at = front or (None, None, None, None)
    known = row.name in {s.name for s in uow.registry.gather(hookspecs.crm_event_sinks)}
    state = ("failing" if row.attempts and row.state == "running" else row.state) if known else "absent"
    return SinkOut(
        name=row.name, state=state, position=row.position, lag=lag, waiting_since=at, attempts=row.attempts,
        error=row.error, retry_at=row.retry_at, next_position=position, next_event=event_id, next_type=kind,
        updated_at=row.updated_at,
    )  # fmt: skip
