"""Runs after-commit listeners: one job per listener and transaction, carrying the ids of its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from crm_core.entity.changes import Happened
from crm_core.entity.event_rows import EventData, EventRef, EventRow
from crm_core.entity.tail import RunListener, listener_name
from crm_core.jobs.context import JobContext, Parked

if TYPE_CHECKING:
    from crm_core.plugin.declare import Listener
    from crm_core.plugin.registry import Registry
    from crm_core.uow import UnitOfWork


async def run_listener(job: JobContext, call: RunListener) -> None:
    """Call the listener with its events, in the order they happened; Parked when no plugin has it any more."""
    listener = _find(job.kernel.registry, call.listener)
    async with job.reading() as uow:
        events = await load_events(uow, call)
    if events:  # none are left when retention has cut the log
        await listener.run(job, events)


def _find(registry: Registry, name: str) -> Listener:
    for listeners in registry.listeners.values():
        for listener in listeners:
            if listener.after_commit and listener_name(listener) == name:
                return listener
    raise Parked(f"no loaded plugin has the listener {name}")


async def load_events(uow: UnitOfWork, call: RunListener) -> list[Happened]:
    """Return stored events as listeners get them; `record` is None, look it up by its id."""
    event, data, ref = EventRow.__table__.c, EventData.__table__.c, EventRef.__table__.c
    found = await uow.session.execute(
        sa.select(event.id, event.type, event.at, event.actor, event.cause, event.entity, event.record_id, data.payload)
        .outerjoin_from(EventRow.__table__, EventData.__table__, data.event_id == event.id)
        .where(event.id.in_(call.events))
        .order_by(event.id)
    )
    refs: dict[object, list[tuple[str, object]]] = {}
    for entity, record_id, event_id in await uow.session.execute(
        sa.select(ref.entity, ref.record_id, ref.event_id).where(ref.event_id.in_(call.events))
    ):
        refs.setdefault(event_id, []).append((entity, record_id))
    structs = {t.name: t.struct for t in uow.registry.events.values()}
    events = []
    for event_id, name, at, actor, cause, entity, record_id, payload in found:
        happened = Happened(event_id, name, at, actor, cause, entity, record_id, refs=tuple(refs.get(event_id, ())))  # type: ignore[arg-type]  # ids of the column
        if struct := structs.get(name):
            happened.event = msgspec.convert(payload or {}, struct)
        else:
            happened.before = (payload or {}).get("before", {})
            happened.after = (payload or {}).get("after", {})
        events.append(happened)
    return events
