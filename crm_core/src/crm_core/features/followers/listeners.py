"""What followers hear: records given to them, stages, and other changes that matter."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.entity import access
from crm_core.entity import fields as f
from crm_core.entity.stages import Stage
from crm_core.features.followers.actions import follow_by_itself
from crm_core.features.followers.queries import followable, recipients
from crm_core.features.notifications.public import KINDS, notify
from crm_core.plugin import Entity, Listener, Ref, Strings, Text

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
MANY = 10
"""Records changed together beyond which somebody hears of them in one line."""


def concerns(event: Happened) -> bool:
    """Return whether somebody else than the actor could want to hear: asked of every event, in memory."""
    if event.kind == "updated":
        return event.entity is not None and not event.changed <= DERIVED
    if event.kind != "created" or event.record is None:
        return False
    owner = event.record.__dict__.get("owner_id")
    return owner is not None and event.actor.partition(":")[2] != str(owner)


async def hear(uow: UnitOfWork, event: Happened) -> None:
    """Tell the new owner and the followers, of all records of this kind that the transaction changed, together."""
    entity = uow.registry.entities.get(event.entity or "")
    if entity is None or not followable(entity) or event.record_id is None:
        return
    changes = _together(uow, entity, event)
    if not changes:
        return
    owners = await _owners(uow, entity, changes)
    news: list[News] = []
    for key, change in changes.items():
        if event.kind == "created" or "owner_id" in change.after:
            news += _given(entity, key, owners.get(key))
    if event.kind == "created":
        for key in changes:
            await follow_by_itself(uow, entity.name, key, "created")
    else:
        news += await _changed(uow, entity, changes, owners)
    await _tell(uow, entity, news)


@dataclass(frozen=True, slots=True)
class News:
    """What is told of one record."""

    record_id: UUID
    people: frozenset[UUID]
    kind: str
    text: Text
    note: str = ""
    field: str = ""


def _together(uow: UnitOfWork, entity: Entity, event: Happened) -> dict[UUID, Any]:
    """Return the changes like this one that were not told yet, at the first of their events; none at the others."""
    told: set[UUID] = uow.session.sync_session.info.setdefault(("followers heard", event.name), set())
    if event.record_id in told and event.record is None:  # a bulk update: its records came with the first of them
        return {}
    alike = {
        c.id: c for c in uow.demand_write().net.values()
        if c.entity.name == entity.name and c.kind == event.kind and c.id not in told
        and (c.id == event.record_id or _concerning(uow, c))
    }  # fmt: skip
    told.update(alike)
    return alike


def _concerning(uow: UnitOfWork, change: Any) -> bool:
    if change.kind == "updated":
        return not frozenset(change.after) <= DERIVED
    return change.record is not None and change.record.__dict__.get("owner_id") not in (None, uow.actor.user_id)


async def _owners(uow: UnitOfWork, entity: Entity, changes: dict[UUID, Any]) -> dict[UUID, UUID | None]:
    found = {key: c.record.owner_id for key, c in changes.items() if c.record is not None}
    table = access.table_of(entity)
    ids = sorted(set(changes) - set(found))
    for start in range(0, len(ids), 500):
        some = sa.select(table.c.id, table.c.owner_id).where(table.c.id.in_(ids[start : start + 500]))
        found |= {row[0]: row[1] for row in await uow.session.execute(some)}
    return found


def _given(entity: Entity, record_id: UUID, owner: UUID | None) -> list[News]:
    if owner is None:
        return []
    return [News(record_id, frozenset({owner}), "core.assigned", _("{what} given to you", what=entity.label))]


async def _changed(
    uow: UnitOfWork, entity: Entity, changes: dict[UUID, Any], owners: dict[UUID, UUID | None]
) -> list[News]:  # fmt: skip
    following = await recipients(uow, entity.name, owners)
    fields = {c: x for x in uow.registry.fields(entity) for c in (x.name, *x.columns)}
    news = []
    for record_id, change in changes.items():
        people = frozenset(following.get(record_id, ()))
        matter = {x.name: x for n in change.after if (x := fields.get(n)) and x.kind in MATTER and _told(x)}
        stage = next((x for x in matter.values() if isinstance(x, f.Stage)), None)
        if people and stage is not None:
            name = await uow.session.scalar(sa.select(Stage.name).where(Stage.id == change.after[stage.name]))
            text = _("{what} moved to another stage", what=entity.label)
            news.append(News(record_id, people, "core.stage", text, name or "", stage.name))
        elif people and matter:
            words = _("{what} changed: {fields}", what=entity.label, fields=_list([x.label for x in matter.values()]))
            news.append(News(record_id, people, "core.change", words))
    return news


async def _tell(uow: UnitOfWork, entity: Entity, news: list[News]) -> None:
    """Tell each; who would hear of many records at once hears of them in one line, without their names."""
    counts = Counter((n.kind, person) for n in news for person in n.people)
    many = {key for key, count in counts.items() if count > MANY}
    for one in news:
        people = [p for p in one.people if (one.kind, p) not in many]
        if people:
            about = Ref(entity.name, one.record_id)
            await notify(uow, people, one.kind, about, one.text, note=one.note, field=one.field)
    labels = {k.name: k.label for k in KINDS}
    for kind in {k for k, _person in many}:
        people = [p for k, p in many if k == kind]
        text = _("{what}: many {plural}", what=labels[kind], plural=entity.plural)
        event = f"{uow.cause}/{kind}/{entity.name}"
        await notify(uow, people, kind, None, text, path=f"/{entity.path}", event=event)


def _told(one: f.Field) -> bool:
    return not one.readonly and not one.hidden


def _list(labels: list[Any]) -> Any:
    """Return labels with commas between, as a text that is translated part by part."""
    names = ", ".join(f"{{l{n}}}" for n in range(len(labels)))
    return _(names, **{f"l{n}": label for n, label in enumerate(labels)})


LISTENERS = (Listener(event="*", run=hear, name="core.followers", wants=concerns),)
