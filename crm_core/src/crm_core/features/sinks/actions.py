"""What an administrator does with an event sink; each is written to the event log."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from crm_core.errors import Conflict
from crm_core.features.sinks.events import SinkEventSkipped, SinkPaused, SinkResumed
from crm_core.features.sinks.queries import sink_of
from crm_core.i18n import Strings
from crm_core.jobs.sinks import PAUSED, RUNNING
from crm_core.jobs.tables import SINKS
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
FRESH: dict[str, Any] = {"attempts": 0, "error": "", "retry_at": None}


class NotAtTheFront(Conflict):
    """The event that was to be skipped is not the one at the front (any more)."""


async def pause(uow: UnitOfWork, name: str) -> None:
    """Stop sending by a sink; its events wait."""
    await sink_of(uow, name)
    await _change(uow, name, state=PAUSED)
    await uow.emit(SinkPaused(sink=name))


async def resume(uow: UnitOfWork, name: str) -> None:
    """Send again at once: a paused sink, or one that waits for its next try."""
    await sink_of(uow, name)
    await _change(uow, name, state=RUNNING, **FRESH)
    await uow.emit(SinkResumed(sink=name))


async def skip(uow: UnitOfWork, name: str, position: int) -> None:
    """Pass over the event at the front; NotAtTheFront when that is another by now."""
    found = await sink_of(uow, name)
    at_front = SINKS.c.position == found.position
    if found.next_position != position or not await _change(uow, name, at_front, position=position, **FRESH):
        raise NotAtTheFront(_("Another event is at the front by now. Look again."))
    await uow.emit(SinkEventSkipped(sink=name, position=position))


async def _change(uow: UnitOfWork, name: str, *where: sa.ColumnElement[bool], **values: Any) -> bool:
    uow.demand_write()
    done = await uow.session.execute(
        sa.update(SINKS).where(SINKS.c.name == name, *where).values(**values, updated_at=uow.now)
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]  # a cursor result
