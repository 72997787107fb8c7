"""What a user holds, and what a hand-over moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.actor import system
from crm_core.auth.people import User
from crm_core.entity import access, filter_sql, filters
from crm_core.entity.event_rows import EventData, EventRow
from crm_core.entity.filter_times import Moment
from crm_core.features.handover.schemas import HandOverOut, HeldRecords, HeldThing, HeldThings, Run
from crm_core.jobs.rows import JobRow
from crm_core.plugin import hookspecs
from crm_core.plugin.declare import Entity
from crm_core.plugin.handovers import Handover
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork

SHOWN = 50
NOTHING: Mapping[str, Any] = {"any": []}
"""`open_when` of records that nobody works on, such as comments: they stay with whoever wrote them."""
JOB = "core.hand_over"


def owned(registry: Registry) -> list[Entity]:
    """Return the entities whose records have an owner who works on them, those of plugins included."""
    found = [e for e in registry.entities.values() if e.field("owner_id") is not None and e.open_when != NOTHING]
    return sorted(found, key=lambda e: (e.order, e.name))


def resources(registry: Registry) -> list[Handover]:
    """Return the declared kinds of things that are no records."""
    return sorted(registry.gather(hookspecs.crm_handovers), key=lambda h: h.name)


def of_user(uow: UnitOfWork, entity: Entity, user_id: UUID, *, closed: bool) -> sa.ColumnElement[bool]:
    """Return the condition on a user's records: live ones, and open ones unless `closed`."""
    table = access.table_of(entity)
    mine = sa.and_(table.c.owner_id == user_id, table.c.deleted_at.is_(None))
    if closed or entity.open_when is None:
        return mine
    everybody = system("hand-over")  # what is open does not depend on who asks
    node = filters.parse(uow.registry, everybody, entity, entity.open_when)
    values = {f"p{i}": v for i, v in enumerate(filters.arguments(node, Moment(uow.now, uow.zone)))}
    open_ = filter_sql.compile_filter(uow.registry, everybody, entity, node)
    return table.c.id.in_(sa.select(table.c.id).where(mine, open_).correlate(None).params(values))


async def held_by(uow: UnitOfWork, user: User) -> HandOverOut:
    """Return what a user holds, kind by kind; kinds with nothing are left out."""
    found = HandOverOut(user.id, user.name, user.is_active, [], [], await last(uow, user.id))
    for entity in owned(uow.registry):
        total = await count_of(uow, entity, user.id, closed=True)
        open_ = await count_of(uow, entity, user.id, closed=False) if total else 0
        if total:
            found.entities.append(HeldRecords(entity.name, entity.plural.to(uow.locale), open_, total))
    for kind in resources(uow.registry):
        held = await kind.held(uow, user.id)
        if held:
            items = [HeldThing(h.title, h.href) for h in held[:SHOWN]]
            found.resources.append(HeldThings(kind.name, kind.label.to(uow.locale), len(held), items))
    return found


async def count_of(uow: UnitOfWork, entity: Entity, user_id: UUID, *, closed: bool) -> int:
    """Return how many records of one kind a hand-over would move."""
    return await _count(uow, access.table_of(entity), of_user(uow, entity, user_id, closed=closed))


async def _count(uow: UnitOfWork, table: sa.Table, where: sa.ColumnElement[bool]) -> int:
    return await uow.session.scalar(sa.select(sa.func.count()).select_from(table).where(where)) or 0


async def last(uow: UnitOfWork, user_id: UUID) -> Run | None:
    """Return the last hand-over of a user's things, from its job or, when that is long purged, its events."""
    job = await uow.session.scalar(
        sa.select(JobRow).where(JobRow.key == key_of(user_id), JobRow.kind == JOB).order_by(JobRow.id.desc())
        .limit(1)
    )  # fmt: skip
    moved: UUID | None = None if job is not None else await uow.session.scalar(_told(user_id))
    cause = UUID(job.args["cause"]) if job is not None else moved
    if cause is None:
        return None
    counts: dict[str, int] = {}
    for payload in await _payloads(uow, cause):
        counts[payload["what"]] = counts.get(payload["what"], 0) + int(payload["count"])
    undone = [str(p.get("undone")) for p in await uow.session.scalars(_undone(user_id))]
    state = job.state if job is not None else "done"
    done = sum(counts.values())
    return Run(cause, state, done, (job.total if job else None) or done, str(cause) in undone, counts)


def key_of(user_id: UUID) -> str:
    """Return the key of the one unfinished hand-over of a user."""
    return f"core.hand_over:{user_id}"


def _told(user_id: UUID) -> sa.Select[UUID]:
    about = (EventRow.entity == "core.user", EventRow.record_id == user_id)
    told = sa.select(EventRow.cause).where(EventRow.type == "core.user.handed_over", *about)
    return told.order_by(EventRow.id.desc()).limit(1)


def _undone(user_id: UUID) -> sa.Select[Any]:
    return (
        sa.select(EventData.payload)
        .join(EventRow, EventRow.id == EventData.event_id)
        .where(
            EventRow.type == "core.user.hand_over_undone", EventRow.entity == "core.user", EventRow.record_id == user_id
        )
    )


async def _payloads(uow: UnitOfWork, cause: UUID) -> list[dict[str, Any]]:
    told = sa.and_(EventRow.cause == cause, EventRow.type == "core.user.handed_over")
    query = sa.select(EventData.payload).join(EventRow, EventRow.id == EventData.event_id).where(told)
    return list(await uow.session.scalars(query.order_by(EventRow.id)))


async def moved_things(uow: UnitOfWork, cause: UUID) -> list[dict[str, Any]]:
    """Return the payloads of a cause's hand-overs of things: what, to, keys."""
    return [p for p in await _payloads(uow, cause) if p.get("keys")]


async def moved_records(
    uow: UnitOfWork, cause: UUID, after: UUID | None, limit: int
) -> list[tuple[UUID, str, UUID, dict[str, Any]]]:
    """Return (event, entity, record, payload) of records that a cause gave to somebody, oldest first."""
    names = [f"{e.name}.updated" for e in owned(uow.registry)]
    query = (
        sa.select(EventRow.id, EventRow.entity, EventRow.record_id, EventData.payload)
        .join(EventData, EventData.event_id == EventRow.id)
        .where(EventRow.cause == cause, EventRow.type.in_(names))
        .order_by(EventRow.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(EventRow.id > after)
    rows = (await uow.session.execute(query)).all()
    return [(r[0], str(r[1]), r[2], r[3]) for r in rows]


async def user_of(uow: UnitOfWork, user_id: UUID) -> User:
    """Return a user, active or not; NotFound when there is none."""
    found: User = await access.get(uow, uow.registry.entity("core.user"), user_id)
    return found
