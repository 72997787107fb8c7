"""The last statements of a transaction: event, reference, search and job rows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.db.writes import Batch, batch, write_and_commit
from crm_core.entity import inserts, search
from crm_core.entity.changes import Change, Happened
from crm_core.entity.event_rows import EventData, EventRef, EventRow, EventText
from crm_core.entity.fields import Link
from crm_core.entity.plans import Plan, plan_of
from crm_core.live import told
from crm_core.plugin.declare import JobCall, Listener

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
    """Write new records and everything that goes along with the commit, and commit: one trip on SQLite."""
    changes = uow.demand_write()
    net = list(changes.events())
    events = [happened(uow, c) for c in net] + uow.emitted
    batches = inserts.batches(uow)
    if events:
        _after_commit_jobs(uow, events)
        batches += _events(uow, events)
        documents = await search.documents(uow, net)
        if documents:
            rows = [dict(d) for d in documents]
            batches.append(batch(search.SearchRow.__table__, rows, conflict=("entity", "record_id"), overwrite=True))
    if uow.jobs:
        batches.append(batch(_job_table(), uow.jobs, conflict=()))
    if gone := [(c.entity.name, c.id) for c in net if c.kind in ("deleted", "merged")]:
        await search.remove(uow, gone)
    await write_and_commit(uow.db, uow.session, batches)
    if events and uow.kernel.live.wanted:
        linked = (pair for event in events for pair in references(uow, event))
        for message in told(net, linked):
            uow.kernel.live.publish(message)


def _job_table() -> Any:
    from crm_core.jobs.rows import JobRow

    return JobRow.__table__


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


def _events(uow: UnitOfWork, events: list[Happened]) -> list[Batch]:
    slim: list[Sequence[Any]] = []
    data: list[Sequence[Any]] = []
    refs: list[Sequence[Any]] = []
    texts: dict[str, str] = {}
    for e in events:
        slim.append((e.id, e.at, e.name, 1, e.entity, e.record_id, e.actor, e.cause))
        data.append((e.id, payload(e, texts)))
        refs += [(n, i, e.id) for n, i in dict.fromkeys(references(uow, e))]
    found = [
        Batch(_table(EventRow), ("id", "at", "type", "v", "entity", "record_id", "actor", "cause"), slim),
        Batch(_table(EventData), ("event_id", "payload"), data),
        Batch(_table(EventRef), ("entity", "record_id", "event_id"), refs),
    ]
    if texts:
        found.append(Batch(_table(EventText), ("hash", "text"), list(texts.items()), conflict=("hash",)))
    return found


def _table(model: Any) -> sa.Table:
    table: sa.Table = model.__table__
    return table


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
            refs += linked(plan_of(uow.registry, uow.registry.entities[event.entity]), event.record)
    return refs


def linked(plan: Plan, record: Any) -> list[tuple[str, UUID]]:
    """Return the records a record hangs on: links with a reverse relation, and any-links."""
    found: list[tuple[str, UUID]] = []
    values = record.__dict__
    for field in plan.links:
        if isinstance(field, Link):
            if values.get(field.name):
                found.append((field.target, values[field.name]))
        elif values.get(f"{field.name}_id"):
            found.append((values[f"{field.name}_entity"], values[f"{field.name}_id"]))
    return found
