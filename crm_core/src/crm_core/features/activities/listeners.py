"""What activities do when something happens: last and next activity of records, copies of owners."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm.attributes import set_committed_value

from crm_core.entity import about
from crm_core.features.activities.models import Activity, ActivityLink
from crm_core.plugin import Entity, Listener

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork

Times = tuple[datetime | None, datetime | None]
A, L = Activity.__table__, ActivityLink.__table__
LAST = sa.func.max(A.c.done_at)
NEXT = sa.func.min(sa.case((A.c.done_at.is_(None), A.c.due_at)))


async def keep_times(uow: UnitOfWork, event: Happened) -> None:
    """Bring last and next activity up to date on every record the activity is, or was, about."""
    records: dict[str, set[UUID]] = {}
    for about_entity, key in await _records(uow, event):
        records.setdefault(about_entity, set()).add(key)
    for name, ids in sorted(records.items()):  # the same order for everybody: no two wait for each other
        entity = uow.registry.entities.get(name)
        if entity is not None and entity.has_activity:
            await refresh(uow, entity, ids)


async def refresh(uow: UnitOfWork, entity: Entity, ids: Iterable[UUID]) -> None:
    """Count last and next activity of records anew. Derived, so without version and event."""
    wanted = sorted(ids)
    table = entity.model.__table__
    columns = (table.c.id, table.c.last_activity_at, table.c.next_activity_at)
    # Locked before counting: of two who add an activity at once, each would miss the other's and the later one win.
    locked = sa.select(*columns).where(table.c.id.in_(wanted)).order_by(table.c.id).with_for_update(key_share=True)
    stored = (await uow.session.execute(locked)).all()
    found = await count(uow, entity.name, wanted)
    for key, last, following in stored:
        times = found.get(key, (None, None))
        if times != (last, following):
            values = {"last_activity_at": times[0], "next_activity_at": times[1]}
            await uow.session.execute(sa.update(table).where(table.c.id == key).values(values))
            _in_memory(uow, entity, key, values)


def _in_memory(uow: UnitOfWork, entity: Entity, key: UUID, values: dict[str, Any]) -> None:
    identity = sa.inspect(entity.model).identity_key_from_primary_key((key,))
    record = uow.session.sync_session.identity_map.get(identity)
    if record is not None:
        for name, value in values.items():
            set_committed_value(record, name, value)


async def count(uow: UnitOfWork, entity: str, ids: list[UUID]) -> dict[UUID, Times]:
    """Return last and next activity of records, counted from the activities that are about them."""
    alive = A.c.deleted_at.is_(None)
    own = (
        sa.select(A.c.parent_id, LAST, NEXT)
        .where(A.c.parent_entity == entity, A.c.parent_id.in_(ids), alive)
        .group_by(A.c.parent_id)
    )
    linked = (
        sa.select(L.c.record_id, LAST, NEXT)
        .join(A, A.c.id == L.c.activity_id)
        .where(L.c.record_entity == entity, L.c.record_id.in_(ids), alive)
        .group_by(L.c.record_id)
    )
    found: dict[UUID, Times] = {}
    for query in (own, linked):
        for key, last, following in (await uow.session.execute(query)).all():
            had = found.get(key, (None, None))
            found[key] = (_pick(max, had[0], last), _pick(min, had[1], following))
    return found


def _pick(choose: Any, one: datetime | None, other: datetime | None) -> datetime | None:
    known = [t for t in (one, other) if t is not None]
    return choose(known) if known else None


async def _records(uow: UnitOfWork, event: Happened) -> set[tuple[str, UUID]]:
    found: set[tuple[str | None, UUID | None]] = set()
    activity = event.record
    if activity is not None:
        found.add((activity.parent_entity, activity.parent_id))
    was = event.before
    if "parent_id" in was or "parent_entity" in was:
        entity = was.get("parent_entity", activity.parent_entity if activity else None)
        found.add((entity, was.get("parent_id", activity.parent_id if activity else None)))
    for side in (event.before, event.after):
        found |= {
            (v["record_entity"], v["record_id"]) for k, v in side.items() if k.startswith("links.") and v is not None
        }
    query = sa.select(L.c.record_entity, L.c.record_id).where(L.c.activity_id == event.record_id)
    found |= {(name, key) for name, key in await uow.session.execute(query)}
    return {(name, key) for name, key in found if name and key}


async def copy_owner(uow: UnitOfWork, event: Happened) -> None:
    """Give activities about a record its new owner and team."""
    await about.copy_owner(uow, event, Activity)


LISTENERS = (
    *(
        Listener(event=f"core.activity.{kind}", run=keep_times, name="core.activity_times")
        for kind in ("created", "updated", "deleted", "restored")
    ),
    Listener(event="*", run=copy_owner, name="core.activity_owner", wants=about.changes_owner),
)
