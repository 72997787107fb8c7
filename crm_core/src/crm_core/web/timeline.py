"""What happened to a record, newest first, in words: who, when, and each changed value before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from markupsafe import Markup

from crm_core.entity import fields as f
from crm_core.entity import query
from crm_core.entity.event_rows import EventData, EventRef, EventRow
from crm_core.errors import NotFound
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import Entity, Ref
from crm_core.uow import UnitOfWork
from crm_core.web.display import Display
from crm_core.web.page import Web
from crm_core.web.views import display_for, may

_ = Strings("crm_core")
PAGE = 20
KINDS = {
    "created": ("plus", _("created this"), _("created")),
    "updated": ("pencil", _("changed this"), _("changed")),
    "deleted": ("trash", _("moved this to the trash"), _("moved to the trash:")),
    "restored": ("restore", _("restored this"), _("restored")),
    "merged": ("arrows-join", _("merged this"), _("merged")),
    "purged": ("trash-x", _("deleted this for good"), _("deleted for good:")),
}


@dataclass(slots=True)
class Changed:
    """One field of one event."""

    label: Text | str
    before: str
    after: str


@dataclass(slots=True)
class Entry:
    """One event as the timeline shows it."""

    id: UUID
    icon: str
    who: str
    text: Text
    at: datetime
    about: Markup | str = ""
    changes: list[Changed] = field(default_factory=list)
    template: str = ""
    payload: dict[str, Any] = field(default_factory=dict)


async def timeline(
    uow: UnitOfWork, web: Web, entity: Entity, record_id: UUID, before: str = ""
) -> tuple[list[Entry], str]:
    """Return entries of a record the actor may see, and the id to go on from ("" at the end)."""
    wanted = (
        sa.select(EventRow, EventData.payload)
        .join(EventRef, EventRef.event_id == EventRow.id)
        .join(EventData, EventData.event_id == EventRow.id, isouter=True)
        .where(EventRef.entity == entity.name, EventRef.record_id == record_id)
        .order_by(EventRef.event_id.desc())
        .limit(PAGE + 1)
    )
    if before:
        try:
            wanted = wanted.where(EventRef.event_id < UUID(before))
        except ValueError as error:
            raise NotFound(_("There is no such event.")) from error
    rows = [(r[0], r[1] or {}) for r in await uow.session.execute(wanted)]
    more = str(rows[PAGE - 1][0].id) if len(rows) > PAGE else ""
    rows = [r for r in rows[:PAGE] if _visible(uow, r[0])]
    people = await _people(uow, [r[0] for r in rows])
    refs = {
        Ref(e.entity, e.record_id) for e, _p in rows
        if e.entity and e.record_id and (e.entity, e.record_id) != (entity.name, record_id)
    }  # fmt: skip
    others = await query.labels(uow, refs) if refs else {}
    found = []
    for event, payload in rows:
        own = uow.registry.entities.get(event.entity or "")
        entry = _entry(uow, event, payload, people, record_id)
        ref = Ref(event.entity or "", event.record_id or record_id)
        if ref in others:
            entry.about = _about(web, own, ref, others[ref])
        elif ref in refs:
            entry.about, payload = (own.label.to(uow.locale) if own else ""), {}
        if own is not None and not entry.template:
            entry.changes = await _changes(uow, web, own, event, payload)
        found.append(entry)
    return found, more


def _visible(uow: UnitOfWork, event: EventRow) -> bool:
    entity = uow.registry.entities.get(event.entity or "")
    return entity is None or may(uow, entity, "read")


def _entry(
    uow: UnitOfWork, event: EventRow, payload: dict[str, Any], people: Mapping[str, str], record_id: UUID
) -> Entry:
    kind = event.type.rpartition(".")[2]
    declared = next((t for t in uow.registry.events.values() if t.name == event.type), None)
    if declared is not None:
        icon, text, template = declared.icon, declared.label, declared.timeline or ""
    else:
        icon, own, other = KINDS.get(kind, ("point", _("{type}", type=event.type), _("{type}", type=event.type)))
        text, template = (own if event.record_id == record_id else other), ""
    who = people.get(event.actor) or _("System").to(uow.locale)
    return Entry(event.id, icon, who, text, event.at, template=template, payload=payload)


def _about(web: Web, own: Entity | None, ref: Ref, title: str) -> Markup:
    label = f"{title}"
    return Markup('<a href="/{}/{}">{}</a>').format(own.path, ref.id, label) if own else Markup(label)  # noqa: S704


async def _people(uow: UnitOfWork, events: list[EventRow]) -> dict[str, str]:
    labels = {e.actor for e in events if e.actor.startswith(("user:", "token:"))}
    refs = {}
    for label in labels:
        try:
            refs[label] = Ref("core.user", UUID(label.partition(":")[2]))
        except ValueError:
            continue
    if "core.user" not in uow.registry.entities or not refs:
        return {}
    titles = await query.labels(uow, set(refs.values()))
    return {label: titles.get(ref, "") for label, ref in refs.items()}


async def _changes(
    uow: UnitOfWork, web: Web, entity: Entity, event: EventRow, payload: dict[str, Any]
) -> list[Changed]:
    if not event.type.endswith((".updated", ".created")):
        return []
    before, after = payload.get("before") or {}, payload.get("after") or {}
    fields = {c: x for x in uow.registry.fields(entity) if _may_know(uow, entity, x) for c in (x.name,)}
    shown = [x for name, x in fields.items() if name in before or name in after]
    if event.type.endswith(".created"):
        return []
    display = await display_for(uow, web, shown, [before, after])
    found = [Changed(x.label, _short(display, x, before), _short(display, x, after)) for x in shown]
    for child in entity.children:
        names = [k for k in {**before, **after} if k.startswith(f"{child.name}.")]
        found += [Changed(child.label, _row(before.get(k), child), _row(after.get(k), child)) for k in names]
    return [c for c in found if c.before != c.after]


def _may_know(uow: UnitOfWork, entity: Entity, one: f.Field) -> bool:
    # A field readable only on some rows is left out: the event does not say who might read it then.
    return not one.hidden and one.readable is None and uow.actor.may_see(entity.name, one.name)


def _short(display: Display, one: f.Field, row: Mapping[str, Any]) -> str:
    value = row.get(one.name)
    if isinstance(value, dict) and "start" in value:
        return f"{value['start']}…"
    try:
        text = display.text(one, row)
    except (ValueError, TypeError, ArithmeticError):  # an old event may hold what the field no longer takes
        text = str(value)
    return text if len(text) <= 120 else f"{text[:119]}…"


def _row(values: Any, child: Any) -> str:
    if not isinstance(values, dict):
        return "" if values is None else str(values)
    return ", ".join(str(values[x.name]) for x in child.fields if values.get(x.name) not in (None, ""))
