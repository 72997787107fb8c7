"""Record events, collected from the flush: what was created, updated and deleted, before and after.

Registered once for all sessions; a session without `info["changes"]` is left alone. Parts of a record
(its children) fold into one event of the record: first before wins, last after wins, no net change
gives no event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import NO_VALUE, Session
from sqlalchemy.orm.base import NEVER_SET

from crm_core.db.types import new_id, utcnow
from crm_core.entity.folding import fold
from crm_core.plugin.declare import Child, Entity, Event
from crm_core.plugin.registry import Registry

QUIET = frozenset({"id", "version", "created_at", "updated_at", "deleted_at", "deleted_by", "merged_into"})
UNSET = (NO_VALUE, NEVER_SET)


class BeforeUnknown(RuntimeError):
    """A value was set on a record that was not loaded whole, so the event could not say what it was."""


@dataclass(slots=True)
class Happened:
    """An event as listeners get it.

    name: "core.deal.updated" or an event type's name. before/after: changed fields of a record event
    (created: after only; deleted: the whole row in before). event: the struct of an emitted event.
    """

    id: UUID
    name: str
    at: datetime
    actor: str
    cause: UUID
    entity: str | None = None
    record_id: UUID | None = None
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    event: Event | None = None
    refs: tuple[tuple[str, UUID], ...] = ()
    record: Any = None

    @property
    def changed(self) -> frozenset[str]:
        """Return the names of fields that differ."""
        return frozenset(self.before) | frozenset(self.after)

    @property
    def kind(self) -> str:
        """Return the last part of the name: created, updated, deleted, restored, …"""
        return self.name.rpartition(".")[2]


@dataclass(slots=True)
class Change:
    """One record's change, growing over the flushes of a transaction."""

    entity: Entity
    id: UUID
    kind: str
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    record: Any = None

    def add(self, kind: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Fold a later change in."""
        if kind == "deleted":
            self.kind = "vanished" if self.kind == "created" else "deleted"
            self.before, self.after = {**before, **self.before}, {}
            return
        if kind in ("created", "restored", "merged"):
            self.kind = kind
        if kind == "created":  # a part was seen before its record
            self.before = {}
        for name, value in before.items():
            if self.kind != "created":
                self.before.setdefault(name, value)
        self.after.update(after)

    def settled(self) -> bool:
        """Drop fields that came back to what they were; return whether anything is left to tell."""
        if self.kind in ("created", "deleted", "restored", "merged", "purged"):
            return True
        for name in [n for n, v in self.after.items() if n in self.before and self.before[n] == v]:
            del self.before[name], self.after[name]
        return self.kind != "vanished" and bool(self.after)


class Changes:
    """What one unit of work did to records; `delta` since listeners last ran, `net` in all."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.net: dict[tuple[str, UUID], Change] = {}
        self.delta: dict[tuple[str, UUID], Change] = {}
        self.ids: dict[tuple[str, UUID], UUID] = {}

    def note(
        self, entity: Entity, key: UUID, kind: str, before: dict[str, Any], after: dict[str, Any], record: Any = None
    ) -> None:
        """Record one change; also called for bulk statements, tags and links, which no flush sees."""
        for store in (self.delta, self.net):
            found = store.get((entity.name, key))
            if found is None:
                store[entity.name, key] = Change(entity, key, kind, dict(before), dict(after), record)
            else:
                found.add(kind, before, after)
                found.record = record or found.record

    def tell(self, entity: Entity, key: UUID, after: dict[str, Any]) -> None:
        """Add what a listener made along with a new record to its one event, without asking listeners again."""
        self.net[entity.name, key].after.update(after)

    def snapshot(self) -> dict[tuple[str, UUID], Change]:
        """Return the net changes so far, for `back_to`."""
        return {k: replace(c, before=dict(c.before), after=dict(c.after)) for k, c in self.net.items()}

    def back_to(self, kept: dict[tuple[str, UUID], Change]) -> None:
        """Forget what came after a snapshot: its savepoint was rolled back."""
        self.net, self.delta = kept, {}

    def take(self) -> list[Change]:
        """Return and forget the changes since the last call."""
        taken, self.delta = list(self.delta.values()), {}
        return [c for c in taken if c.settled()]

    def event_id(self, change: Change) -> UUID:
        """Return the id of the one event this record's change becomes."""
        return self.ids.setdefault((change.entity.name, change.id), new_id())

    def events(self) -> Iterable[Change]:
        """Return what is written: the net changes in order of first appearance."""
        return [c for c in self.net.values() if c.settled()]


def _told_columns(model: Any) -> tuple[str, ...]:
    """Return the attributes whose values events carry."""
    attributes: Any = sa.inspect(model).column_attrs
    return tuple(
        a.key
        for a in attributes
        if a.key not in QUIET and not a.columns[0].info.get("folds") and not a.columns[0].info.get("secret")
    )


def _folds(model: Any) -> tuple[tuple[str, str, int], ...]:
    """Return (twin, source, length) of a model's folded twins."""
    attributes: Any = sa.inspect(model).column_attrs
    return tuple(
        (a.key, a.columns[0].info["folds"], a.columns[0].info["length"])
        for a in attributes
        if a.columns[0].info.get("folds")
    )


# Annotated, since a cached function's own type refuses declarative classes as keys.
told_columns: Callable[[Any], tuple[str, ...]] = lru_cache(maxsize=512)(_told_columns)
folds: Callable[[Any], tuple[tuple[str, str, int], ...]] = lru_cache(maxsize=512)(_folds)


def by_field(values: dict[str, Any]) -> dict[str, Any]:
    """Return values with those of custom fields under names of their own: "custom.region"."""
    if "custom" not in values:
        return values
    found = {n: v for n, v in values.items() if n != "custom"}
    return found | {f"custom.{n}": v for n, v in (values["custom"] or {}).items()}


class Parts:
    """Which models are children of which entity; made once per registry."""

    def __init__(self, registry: Registry) -> None:
        self.of: dict[type, tuple[Entity, Child]] = {
            c.model: (e, c) for e in registry.entities.values() for c in e.children
        }


def watch(session: Session, registry: Registry, parts: Parts) -> Changes:
    """Start collecting in a session; return the collector."""
    changes = Changes(registry)
    session.info["changes"], session.info["parts"] = changes, parts
    return changes


@event.listens_for(Session, "before_flush")
def _before_flush(session: Session, context: Any, instances: Any) -> None:
    changes: Changes | None = session.info.get("changes")
    if changes is None:
        return
    parts: Parts = session.info["parts"]
    now = utcnow()
    touched: set[Any] = set()
    for obj in [*session.dirty, *session.new, *session.deleted]:
        model = type(obj)
        if model in changes.registry.by_model:
            if obj in session.dirty and session.is_modified(obj):
                touched.add(obj)
        elif model in parts.of:
            entity, child = parts.of[model]
            owner = session.identity_map.get(
                sa.inspect(entity.model).identity_key_from_primary_key((getattr(obj, child.foreign_key),))
            )
            if owner is not None:
                touched.add(owner)
            elif not any(getattr(n, "id", None) == getattr(obj, child.foreign_key) for n in session.new):
                raise BeforeUnknown(f"a part of {entity.name} changed while its record is not loaded")
    for obj in session.dirty:
        _fold(obj)
    for obj in touched:
        touch(obj, now)


def touch(record: Any, now: datetime) -> None:
    """Raise a record's version once per flush; tags, links and children call it for their owner."""
    state = sa.inspect(record)
    if state.persistent and "version" not in state.committed_state:
        record.version += 1
        record.updated_at = now


def _fold(obj: Any) -> None:
    for twin, source, length in folds(type(obj)):
        if source in sa.inspect(obj).committed_state:
            setattr(obj, twin, fold(getattr(obj, source) or "")[:length])


@event.listens_for(Session, "after_flush")
def _after_flush(session: Session, context: Any) -> None:
    changes: Changes | None = session.info.get("changes")
    if changes is None:
        return
    parts: Parts = session.info["parts"]
    for state, (is_delete, listonly) in list(context.states.items()):
        model = state.class_
        if (entity := changes.registry.by_model.get(model)) is not None:
            _record(changes, entity, state, is_delete and not listonly)
        elif model in parts.of:
            _part(changes, *parts.of[model], state, is_delete and not listonly)


def _record(changes: Changes, entity: Entity, state: Any, deleted: bool) -> None:
    values, old = state.dict, state.committed_state
    names = told_columns(state.class_)
    key = values["id"]
    if deleted:
        row = {n: old[n] if n in old and old[n] not in UNSET else values.get(n) for n in names}
        changes.note(entity, key, "deleted", by_field(row), {}, state.obj())
    elif state.key is None:
        told = {n: values.get(n) for n in names if values.get(n) is not None}
        changes.note(entity, key, "created", {}, by_field(told), state.obj())
    else:
        changed = [n for n in old if n in names]
        if unknown := [n for n in changed if old[n] in UNSET]:
            raise BeforeUnknown(f"{entity.name}: {', '.join(unknown)} set without being loaded")
        kind = "updated"
        before, after = differing({n: old[n] for n in changed}, {n: values.get(n) for n in changed})
        if "deleted_at" in old:
            kind = "restored" if values.get("deleted_at") is None else "deleted"
            if kind == "deleted":
                before, after = by_field({n: old.get(n, values.get(n)) for n in names}), {}
        if "merged_into" in old and values.get("merged_into") is not None:
            kind, after = "merged", {"merged_into": values["merged_into"]}
        if before or after or kind != "updated":
            changes.note(entity, key, kind, before, after, state.obj())


def differing(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return both sides of a change by field; of custom fields only those that differ."""
    if "custom" not in after:
        return before, after
    one, two = by_field(before), by_field(after)
    names = [n for n in {**one, **two} if not n.startswith("custom.") or one.get(n) != two.get(n)]
    return {n: one.get(n) for n in names}, {n: two.get(n) for n in names}


def _part(changes: Changes, entity: Entity, child: Child, state: Any, deleted: bool) -> None:
    values, old = state.dict, state.committed_state
    names = [c for f in child.fields for c in f.columns]
    now = {n: values.get(n) for n in names}
    was = {n: old[n] if n in old and old[n] not in UNSET else values.get(n) for n in names}
    name, owner = f"{child.name}.{values['id']}", values[child.foreign_key]
    if deleted:
        changes.note(entity, owner, "updated", {name: was}, {name: None})
    elif state.key is None:
        changes.note(entity, owner, "updated", {name: None}, {name: now})
    elif was != now:
        changes.note(entity, owner, "updated", {name: was}, {name: now})
