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
from crm_core.entity.event_rows import EventData, EventRef, EventRow
from crm_core.errors import NotFound
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import Entity, Ref
from crm_core.uow import UnitOfWork
from crm_core.web.display import Display
from crm_core.web.page import Web
from crm_core.web.views import display_for, may, refs_in

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
UNDONE = ("created", "updated", "deleted", "restored")  # events that can be undone


@dataclass(slots=True)
class Changed:
    """One field of one event."""

    label: Text | str
    before: str
    after: str


@dataclass(slots=True)
class Entry:
    """One event as timeline and history show it. cause: what it is undone by, "" where that is not possible.

    together: how many records the same cause changed, known in the history only.
    """

    id: UUID
    icon: str
    who: str
    text: Text
    at: datetime
    about: Markup | str = ""
    changes: list[Changed] = field(default_factory=list)
    template: str = ""
    payload: dict[str, Any] = field(default_factory=dict)
    cause: str = ""
    together: int = 1
    by_token: bool = False


@dataclass(slots=True)
class _Told:
    """What an event says about fields the actor may know."""

    fields: list[f.Field]
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(slots=True)
class Gathered:
    """Events of a record and what their words need: titles of `needed`, and stages if `stages`."""

    record_id: UUID
    rows: list[tuple[EventRow, dict[str, Any]]]
    more: str
    told: dict[UUID, _Told]
    refs: set[Ref]
    needed: set[Ref]
    stages: bool
    together: dict[UUID, int]


async def timeline(
    uow: UnitOfWork, web: Web, entity: Entity, record_id: UUID, before: str = "", *, whole: bool = False
) -> tuple[list[Entry], str]:
    """Return entries of a record the actor may see, and the id to go on from ("" at the end).

    whole: as the history needs it, with the first values of new records and how many records changed together.
    """
    found = await gather(uow, entity, record_id, before, whole=whole)
    display = await display_for(uow, web, (), (), found.needed, stages_too=found.stages)
    return entries(uow, found, display), found.more


async def gather(
    uow: UnitOfWork, entity: Entity, record_id: UUID, before: str = "", *, whole: bool = False
) -> Gathered:
    """Read the events; a page that shows more than them names everything with one display."""
    rows, more = await _events(uow, entity, record_id, before)
    own = {e.id: uow.registry.entities.get(e.entity or "") for e, _p in rows}
    refs = {
        Ref(e.entity, e.record_id) for e, _p in rows
        if e.entity and e.record_id and (e.entity, e.record_id) != (entity.name, record_id)
    }  # fmt: skip
    told = {
        e.id: _told(uow, kind, e, p, whole and e.record_id == record_id)
        for e, p in rows if (kind := own[e.id]) is not None
    }  # fmt: skip
    needed = refs | {r for t in told.values() for r in refs_in(t.fields, (t.before, t.after))}
    needed |= {r for e, _p in rows if (r := _person(uow, e.actor)) is not None}
    stages = any(isinstance(x, f.Stage) for t in told.values() for x in t.fields)
    together = await _together(uow, {e.cause for e, _p in rows}) if whole and rows else {}
    return Gathered(record_id, rows, more, told, refs, needed, stages, together)


def entries(uow: UnitOfWork, gathered: Gathered, display: Display) -> list[Entry]:
    """Return events in words; what is about a record the actor may not see says only that something was."""
    found = []
    for event, payload in gathered.rows:
        kind = uow.registry.entities.get(event.entity or "")
        ref = Ref(event.entity or "", event.record_id or gathered.record_id)
        hidden = ref in gathered.refs and ref not in display.labels
        entry = _entry(uow, event, {} if hidden else payload, display, gathered.record_id)
        if ref in gathered.refs:
            entry.about = _about(kind, ref, display.labels.get(ref, ""), uow.locale)
        if kind is not None and not entry.template and not hidden:
            entry.changes = _changes(kind, gathered.told[event.id], display)
        if event.type.rpartition(".")[2] in UNDONE and not hidden and kind is not None:
            entry.cause, entry.together = str(event.cause), gathered.together.get(event.cause, 1)
        found.append(entry)
    return found


async def _events(
    uow: UnitOfWork, entity: Entity, record_id: UUID, before: str
) -> tuple[list[tuple[EventRow, dict[str, Any]]], str]:
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
    return [r for r in rows[:PAGE] if _visible(uow, r[0])], more


async def _together(uow: UnitOfWork, causes: set[UUID]) -> dict[UUID, int]:
    query = sa.select(EventRow.cause, sa.func.count(sa.distinct(EventRow.record_id))).where(
        EventRow.cause.in_(causes), EventRow.type.in_([f"{e}.{k}" for e in uow.registry.entities for k in UNDONE])
    )
    return {r[0]: r[1] for r in await uow.session.execute(query.group_by(EventRow.cause))}


def _visible(uow: UnitOfWork, event: EventRow) -> bool:
    entity = uow.registry.entities.get(event.entity or "")
    return entity is None or may(uow, entity, "read")


def _entry(uow: UnitOfWork, event: EventRow, payload: dict[str, Any], display: Display, record_id: UUID) -> Entry:
    kind = event.type.rpartition(".")[2]
    declared = next((t for t in uow.registry.events.values() if t.name == event.type), None)
    if declared is not None:
        icon, text, template = declared.icon, declared.label, declared.timeline or ""
    else:
        icon, own, other = KINDS.get(kind, ("point", _("{type}", type=event.type), _("{type}", type=event.type)))
        text, template = (own if event.record_id == record_id else other), ""
    ref = _person(uow, event.actor)
    who = display.labels.get(ref, "") if ref is not None else ""
    return Entry(event.id, icon, who or _("System").to(uow.locale), text, event.at, template=template, payload=payload,
                 by_token=event.actor.startswith("token:"))  # fmt: skip


def _about(own: Entity | None, ref: Ref, title: str, locale: str) -> Markup | str:
    if not title or own is None:
        return own.label.to(locale) if own is not None else ""
    return Markup('<a href="/{}/{}">{}</a>').format(own.path, ref.id, title)


def _person(uow: UnitOfWork, actor: str) -> Ref | None:
    kind, _colon, key = actor.partition(":")
    if kind not in ("user", "token") or "core.user" not in uow.registry.entities:
        return None
    try:
        return Ref("core.user", UUID(key))
    except ValueError:
        return None


def _told(uow: UnitOfWork, entity: Entity, event: EventRow, payload: dict[str, Any], whole: bool) -> _Told:
    kinds = ("updated", "created") if whole else ("updated",)
    if event.type.rpartition(".")[2] not in kinds:
        return _Told([], {}, {})
    barred = tuple(f"{c.name}." for c in entity.children if not uow.actor.may_see(entity.name, c.name))
    before, after = (
        {k: v for k, v in (payload.get(side) or {}).items() if not (barred and k.startswith(barred))}
        for side in ("before", "after")
    )
    known = [x for x in uow.registry.fields(entity) if _may_know(uow, entity, x)]
    shown = [x for x in known if not {x.name, *x.columns}.isdisjoint({*before, *after})]
    for side in (before, after):
        for one in shown:
            if isinstance(one, f.AnyLink) and side.get(f"{one.name}_id"):
                side[one.name] = f"{side.get(f'{one.name}_entity')}:{side[f'{one.name}_id']}"
    return _Told(shown, before, after)


def _changes(entity: Entity, told: _Told, display: Display) -> list[Changed]:
    found = [Changed(x.label, _short(display, x, told.before), _short(display, x, told.after)) for x in told.fields]
    for child in entity.children:
        names = [k for k in {**told.before, **told.after} if k.startswith(f"{child.name}.")]
        found += [Changed(child.label, _row(told.before.get(k), child), _row(told.after.get(k), child)) for k in names]
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
    shown = [(x, values.get(x.name)) for x in child.fields if values.get(x.name) not in (None, "", False)]
    return ", ".join(str(x.label) if value is True else str(value) for x, value in shown)
