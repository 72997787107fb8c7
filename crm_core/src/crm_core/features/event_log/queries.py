"""The event log, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.entity.event_rows import EventData, EventPosition, EventRef, EventRow
from crm_core.errors import Invalid, NotFound
from crm_core.features.event_log.schemas import EventDetail, EventOut, EventsPage
from crm_core.i18n import Strings
from crm_core.plugin import Ref, hookspecs
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
MOST = 200
RECORD_EVENTS = ("created", "updated", "deleted", "restored", "merged")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which events: all that are given must match.

    type: the whole name, or the start of names when it ends with a dot. record: "entity:id"; also events that only
    touch it. actor: "user:<id>" and the like. days: how far back, 0 for all; a limit keeps rare types quick to find.
    """

    type: str = ""
    record: str = ""
    actor: str = ""
    cause: UUID | None = None
    days: int = 7
    cursor: UUID | None = None
    limit: int = 50


def wanted(given: Mapping[str, Any]) -> Wanted:
    """Read filters from query parameters; Invalid names the wrong one."""
    values = {k: v.strip() for k, v in given.items() if k in Wanted.__struct_fields__ and v.strip()}
    try:
        found = msgspec.convert(values, Wanted, strict=False)
        if found.record:
            Ref.parse(found.record)
    except (msgspec.ValidationError, ValueError) as error:
        raise Invalid(str(error)) from error
    return found


async def events_wanted(uow: UnitOfWork, given: Wanted) -> EventsPage:
    """Return events, newest first."""
    limit = max(1, min(given.limit, MOST))
    query = sa.select(EventRow).order_by(EventRow.id.desc()).limit(limit + 1).where(*_conditions(uow, given))
    rows = list((await uow.session.scalars(query)).all())
    following = str(rows[limit - 1].id) if len(rows) > limit else None
    return EventsPage(items=[_event(r) for r in rows[:limit]], next=following)


def _conditions(uow: UnitOfWork, given: Wanted) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if given.days > 0:
        # Ids begin with the time: a range of the primary key instead of an index on `at`.
        since = uow.now - timedelta(days=min(given.days, 36_500))
        found.append(EventRow.id >= UUID(int=int(since.timestamp() * 1000) << 80))
    if given.type:
        dotted = given.type.endswith(".")
        found.append(EventRow.type.startswith(given.type, autoescape=True) if dotted else EventRow.type == given.type)
    if given.record:
        ref = Ref.parse(given.record)
        about = sa.select(EventRef.event_id).where(EventRef.entity == ref.entity, EventRef.record_id == ref.id)
        found.append(EventRow.id.in_(about))
    found += [EventRow.actor == given.actor] if given.actor else []
    found += [EventRow.cause == given.cause] if given.cause else []
    return [*found, EventRow.id < given.cursor] if given.cursor else found


async def event_of(uow: UnitOfWork, event_id: UUID) -> EventDetail:
    """Return one event with its payload; NotFound when it is not in the log."""
    row = await uow.session.get(EventRow, event_id)
    if row is None:
        raise NotFound(_("There is no such event."))
    data = await uow.session.get(EventData, event_id)
    refs = sa.select(EventRef.entity, EventRef.record_id).where(EventRef.event_id == event_id)
    position = await uow.session.scalar(sa.select(EventPosition.position).where(EventPosition.event_id == event_id))
    return EventDetail(
        **msgspec.structs.asdict(_event(row)),
        payload=None if data is None else _readable(uow, row.entity or "", data.payload),
        about=sorted(f"{entity}:{key}" for entity, key in await uow.session.execute(refs)),
        position=position,
    )


def _event(row: EventRow) -> EventOut:
    return EventOut(**{name: getattr(row, name) for name in EventOut.__struct_fields__})


def _readable(uow: UnitOfWork, entity: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Return a payload without the fields that a role bars the actor from, also inside before and after."""

    def seen(values: Any) -> Any:
        return {k: v for k, v in values.items() if _may_see(uow, entity, k)} if isinstance(values, dict) else values

    return {k: seen(v) if k in ("before", "after") else v for k, v in payload.items() if _may_see(uow, entity, k)}


def _may_see(uow: UnitOfWork, entity: str, name: str) -> bool:
    return uow.actor.may_see(entity, name.partition(".")[0])


def types(uow: UnitOfWork) -> list[str]:
    """Return the names of all kinds of events that the loaded plugins write."""
    declared = {t.name for t in uow.registry.gather(hookspecs.crm_events)}
    return sorted(declared | {f"{e}.{what}" for e in uow.registry.entities for what in RECORD_EVENTS})
