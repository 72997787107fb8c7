"""What followers hear: records given to them, stages, and other changes that matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.entity import access
from crm_core.entity import fields as f
from crm_core.entity.stages import Stage
from crm_core.features.followers.actions import follow_by_itself
from crm_core.features.followers.queries import followable, recipients
from crm_core.features.notifications.public import notify
from crm_core.plugin import Entity, Listener, Ref, Strings

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
DERIVED = frozenset(
    ("last_activity_at", "next_activity_at", "team_id", "parent_owner_id", "parent_team_id", "custom", "stage_since")
)
MATTER = (
    "choice", "multi_choice", "link", "links", "date", "datetime", "appointment", "money", "percent", "decimal",
    "integer", "boolean", "stage",
)  # fmt: skip
"""Kinds of fields whose change followers hear of; names, texts, phone numbers and tags change too often."""


def concerns(event: Happened) -> bool:
    """Return whether somebody else than the actor could want to hear: asked of every event, in memory."""
    if event.kind == "updated":
        return event.entity is not None and not event.changed <= DERIVED
    if event.kind != "created" or event.record is None:
        return False
    owner = event.record.__dict__.get("owner_id")
    return owner is not None and event.actor.partition(":")[2] != str(owner)


async def hear(uow: UnitOfWork, event: Happened) -> None:
    """Tell the new owner and the followers; a bulk update is asked for all its records at once."""
    entity = uow.registry.entities.get(event.entity or "")
    if entity is None or not followable(entity) or event.record_id is None:
        return
    if event.kind == "created":
        await _given(uow, entity, event.record_id, event.record.owner_id)
        await follow_by_itself(uow, entity.name, event.record_id, "created")
        return
    if event.record is not None:
        await _changed(uow, entity, {event.record_id: event}, {event.record_id: event.record.owner_id})
        return
    events = _bulk(uow, entity, event)
    if events:
        table = access.table_of(entity)
        owners: dict[UUID, UUID | None] = {}
        ids = sorted(events)
        for start in range(0, len(ids), 500):
            some = sa.select(table.c.id, table.c.owner_id).where(table.c.id.in_(ids[start : start + 500]))
            owners |= {key: owner for key, owner in await uow.session.execute(some)}
        await _changed(uow, entity, events, owners)


def _bulk(uow: UnitOfWork, entity: Entity, event: Happened) -> dict[UUID, Any]:
    """Return all bulk changes of this entity at the event of the first of them, none at the others."""
    done: set[UUID] = uow.session.sync_session.info.setdefault(("followers heard", entity.name), set())
    if event.record_id in done:
        return {}
    some = {
        c.id: c for c in uow.demand_write().net.values()
        if c.entity.name == entity.name and c.record is None and c.kind == "updated" and c.id not in done
    }  # fmt: skip
    done.update(some)
    return some


async def _given(uow: UnitOfWork, entity: Entity, record_id: UUID, owner: UUID | None) -> None:
    if owner is not None:
        text = _("{what} given to you", what=entity.label)
        await notify(uow, [owner], "core.assigned", Ref(entity.name, record_id), text)


async def _changed(
    uow: UnitOfWork, entity: Entity, events: dict[UUID, Any], owners: dict[UUID, UUID | None]
) -> None:
    following = await recipients(uow, entity.name, owners)
    fields = {c: x for x in uow.registry.fields(entity) for c in (x.name, *x.columns)}
    for record_id, event in events.items():
        about = Ref(entity.name, record_id)
        if "owner_id" in event.after:
            await _given(uow, entity, record_id, event.after["owner_id"])
        people = following.get(record_id)
        if not people:
            continue
        matter = {x.name: x for n in event.after if (x := fields.get(n)) and x.kind in MATTER and _told(x)}
        stage = next((x for x in matter.values() if isinstance(x, f.Stage)), None)
        if stage is not None:
            name = await uow.session.scalar(sa.select(Stage.name).where(Stage.id == event.after[stage.name]))
            text = _("{what} moved to another stage", what=entity.label)
            await notify(uow, people, "core.stage", about, text, note=name or "", field=stage.name)
        elif matter:
            words = _("{what} changed: {fields}", what=entity.label, fields=_list([x.label for x in matter.values()]))
            await notify(uow, people, "core.change", about, words)


def _told(one: f.Field) -> bool:
    return not one.readonly and not one.hidden


def _list(labels: list[Any]) -> Any:
    """Return labels with commas between, as a text that is translated part by part."""
    names = ", ".join(f"{{l{n}}}" for n in range(len(labels)))
    return _(names, **{f"l{n}": label for n, label in enumerate(labels)})


LISTENERS = (Listener(event="*", run=hear, name="core.followers", wants=concerns),)
