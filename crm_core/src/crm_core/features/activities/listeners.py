"""What activities do when something happens: last and next activity of records, copies of owners."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.entity import about
from crm_core.features.activities.models import Activity, ActivityLink
from crm_core.features.activities.times import refresh
from crm_core.plugin import Listener

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork

L = ActivityLink.__table__


async def keep_times(uow: UnitOfWork, event: Happened) -> None:
    """Bring last and next activity up to date on every record the activity is, or was, about."""
    records: dict[str, set[UUID]] = {}
    for about_entity, key in await _records(uow, event):
        records.setdefault(about_entity, set()).add(key)
    for name, ids in sorted(records.items()):  # the same order for everybody: no two wait for each other
        entity = uow.registry.entities.get(name)
        if entity is not None and entity.has_activity:
            await refresh(uow, entity, ids)


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
