"""The last statements of a transaction: event, reference, search and job rows."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from crm_core.db.types import new_id
from crm_core.entity import search
from crm_core.entity.changes import Change, Happened
from crm_core.entity.event_rows import EventData, EventRef, EventRow, EventText
from crm_core.plugin.declare import Entity, JobCall, Listener

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

LONG = 4000  # characters of a text that stay inside the payload


class RunListener(JobCall, frozen=True, kw_only=True):
    """Runs one after-commit listener for the events of one transaction."""

    listener: str
    events: list[UUID]


def happened(uow: UnitOfWork, change: Change) -> Happened:
    """Return a record change as the event listeners get."""
    changes = uow.demand_write()
    return Happened(
        changes.event_id(change), f"{change.entity.name}.{change.kind}", uow.now, uow.actor.label, uow.cause,
        change.entity.name, change.id, change.before, change.after, record=change.record,
    )  # fmt: skip


def wanted(listener: Listener, event: Happened) -> bool:
    """Return whether a listener is called for an event: its fields changed and its own test says so."""
    if listener.fields and event.kind == "updated" and not event.changed.intersection(listener.fields):
        return False
    return listener.wants is None or listener.wants(event)


def listener_name(listener: Listener) -> str:
    """Return the name under which an after-commit listener's job finds it again."""
    return listener.name or f"{listener.run.__module__}.{listener.run.__qualname__}"


async def write(uow: UnitOfWork) -> None:
    """Write everything that goes along with the commit; nothing when nothing happened."""
    changes = uow.demand_write()
    net = list(changes.events())
    events = [happened(uow, c) for c in net] + uow.emitted
    if events:
        _after_commit_jobs(uow, events)
        await _events(uow, events)
        await _search(uow, net)
    if uow.jobs:
        await _jobs(uow)


def _after_commit_jobs(uow: UnitOfWork, events: list[Happened]) -> None:
    from crm_core.jobs.calls import job_row

    calls: dict[str, list[UUID]] = {}
    for event in events:
        for listener in uow.registry.listeners_of(event.name):
            if listener.after_commit and wanted(listener, event):
                calls.setdefault(listener_name(listener), []).append(event.id)
    for name, ids in calls.items():
        call = RunListener(listener=name, events=ids)
        uow.jobs.append(job_row(uow.registry, call, now=uow.now, actor=uow.actor, cause=uow.cause))


async def _events(uow: UnitOfWork, events: list[Happened]) -> None:
    slim: list[dict[str, Any]] = []
    data: list[dict[str, Any]] = []
    refs: list[dict[str, Any]] = []
    texts: dict[str, str] = {}
    for e in events:
        slim.append(
            {"id": e.id, "at": e.at, "type": e.name, "v": 1, "entity": e.entity, "record_id": e.record_id,
             "actor": e.actor, "cause": e.cause}
        )  # fmt: skip
        data.append({"event_id": e.id, "payload": payload(e, texts)})
        refs += [{"entity": n, "record_id": i, "event_id": e.id} for n, i in dict.fromkeys(references(uow, e))]
    await uow.session.execute(sa.insert(EventRow), slim)
    await uow.session.execute(sa.insert(EventData), data)
    if refs:
        await uow.session.execute(sa.insert(EventRef), refs)
    if texts:
        await upsert(uow, EventText, [{"hash": h, "text": t} for h, t in texts.items()], ("hash",))


def payload(event: Happened, texts: dict[str, str]) -> dict[str, Any]:
    """Return what is stored of an event; long texts move to `texts` under their hash."""
    if event.event is not None:
        found: dict[str, Any] = msgspec.to_builtins(event.event)
        return found
    return {
        "before": {k: _short(v, texts) for k, v in event.before.items()},
        "after": {k: _short(v, texts) for k, v in event.after.items()},
    }


def _short(value: Any, texts: dict[str, str]) -> Any:
    if isinstance(value, str) and len(value) > LONG:
        digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
        texts[digest] = value
        return {"text": digest, "start": value[:200]}
    return value


def references(uow: UnitOfWork, event: Happened) -> list[tuple[str, UUID]]:
    """Return the records on whose timelines an event appears: its own, and those it is linked to."""
    refs = list(event.refs)
    if event.entity is not None and event.record_id is not None and event.entity in uow.registry.entities:
        refs.insert(0, (event.entity, event.record_id))
        if event.record is not None:
            refs += linked(uow.registry.entities[event.entity], event.record)
    return refs


def linked(entity: Entity, record: Any) -> list[tuple[str, UUID]]:
    """Return the records a record hangs on: links with a reverse relation, and any-links."""
    found: list[tuple[str, UUID]] = []
    values = record.__dict__
    for field in entity.fields:
        if field.kind == "link" and getattr(field, "reverse", "") and values.get(field.name):
            found.append((field.target, values[field.name]))  # type: ignore[attr-defined]  # a Link
        elif field.kind == "any_link" and values.get(f"{field.name}_id"):
            found.append((values[f"{field.name}_entity"], values[f"{field.name}_id"]))
    return found


async def _search(uow: UnitOfWork, net: list[Change]) -> None:
    gone = [(c.entity.name, c.id) for c in net if c.kind in ("deleted", "merged")]
    if rows := await search.documents(uow, net):
        await search.put(uow, rows)
    if gone:
        await search.remove(uow, gone)


async def _jobs(uow: UnitOfWork) -> None:
    from crm_core.jobs.rows import JobRow

    insert = _insert(uow)(JobRow.__table__).on_conflict_do_nothing()
    await uow.session.execute(insert, uow.jobs)


def _insert(uow: UnitOfWork) -> Any:
    return postgresql.insert if uow.db.dialect == "postgresql" else sqlite.insert


async def upsert(uow: UnitOfWork, model: Any, rows: list[dict[str, Any]], keys: tuple[str, ...]) -> None:
    """Insert rows; those whose key exists are left as they are."""
    await uow.session.execute(_insert(uow)(model.__table__).on_conflict_do_nothing(index_elements=keys), rows)


__all__ = [
    "RunListener",
    "happened",
    "linked",
    "listener_name",
    "new_id",
    "payload",
    "references",
    "upsert",
    "wanted",
    "write",
]
