"""What a cause did to records, and what happened to them since: read from the event log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.entity.event_rows import EventData, EventRow
from crm_core.entity.history import whole
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

KINDS = ("created", "updated", "deleted", "restored", "merged", "purged")
BY_THE_WAY = frozenset({"core.tag.created"})  # made by naming it; others may use it by now
DERIVED = frozenset({"last_activity_at", "next_activity_at"})  # kept by core from activities, never by people


@dataclass(slots=True)
class Step:
    """What one cause did to one record, all its events in one. `before` and `after` as events spell values."""

    entity: Entity
    id: UUID
    kind: str = ""
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    last: UUID | None = None

    def add(self, event_id: UUID, kind: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Fold the next event in, in order of time."""
        self.last = event_id
        if kind == "deleted":
            self.kind = {"created": "nothing", "restored": "updated"}.get(self.kind, "deleted")
        elif kind == "restored":
            self.kind = "updated" if self.kind == "deleted" else "restored"
        elif kind in ("created", "merged", "purged"):
            self.kind = kind
        else:
            self.kind = self.kind or "updated"
        if kind != "deleted":  # a deletion tells the whole row before, not what it changed
            for name, value in before.items():
                self.before.setdefault(name, value)
            self.after.update(after)

    @property
    def changed(self) -> set[str]:
        """Return the names that differ between before and after."""
        names = ({*self.before} | {*self.after}) - DERIVED
        return {n for n in names if self.before.get(n) != self.after.get(n)}


def _of_records(uow: UnitOfWork) -> sa.ColumnElement[bool]:
    names = {f"{e}.{kind}" for e in uow.registry.entities for kind in KINDS}
    return EventRow.type.in_(sorted(names - BY_THE_WAY))


async def count_of(uow: UnitOfWork, cause: UUID) -> int:
    """Return how many records a cause changed."""
    query = sa.select(sa.func.count(sa.distinct(EventRow.record_id))).where(EventRow.cause == cause, _of_records(uow))
    return await uow.session.scalar(query) or 0


async def touched_since(uow: UnitOfWork, cause: UUID) -> list[UUID]:
    """Return the ids of the records of a cause that have later events of other causes, whatever these changed."""
    mine, later = EventRow.__table__.alias(), EventRow.__table__.alias()
    names = [f"{e}.{kind}" for e in uow.registry.entities for kind in KINDS]
    after = sa.exists().where(
        later.c.entity == mine.c.entity, later.c.record_id == mine.c.record_id, later.c.id > mine.c.id,
        later.c.cause != cause, later.c.type.in_(names),
    )  # fmt: skip
    of_records = mine.c.type.in_(sorted({*names} - BY_THE_WAY))
    wanted = sa.select(mine.c.record_id).distinct().where(mine.c.cause == cause, of_records, after)
    found = await uow.session.scalars(wanted)
    return sorted(found)


async def steps_of(
    uow: UnitOfWork, cause: UUID, *, limit: int, before: UUID | None = None, only: Sequence[UUID] | None = None
) -> tuple[list[Step], UUID | None]:
    """Return what the newest `limit` events of a cause did, per record, and the event to go on before (None at the
    end). only: of these records."""
    wanted = (
        sa.select(EventRow.id, EventRow.type, EventRow.entity, EventRow.record_id, EventData.payload)
        .join(EventData, EventData.event_id == EventRow.id, isouter=True)
        .where(EventRow.cause == cause, _of_records(uow))
        .order_by(EventRow.id.desc())
        .limit(limit)
    )
    if before is not None:
        wanted = wanted.where(EventRow.id < before)
    if only is not None:
        wanted = wanted.where(EventRow.record_id.in_(only))
    rows = list(await uow.session.execute(wanted))
    found: dict[tuple[str, UUID], Step] = {}
    for event_id, kind, name, record_id, payload in reversed(rows):
        step = found.setdefault((name, record_id), Step(uow.registry.entities[name], record_id))
        data = payload or {}
        values = [await whole(uow, data.get(side) or {}) for side in ("before", "after")]
        step.add(event_id, kind.rpartition(".")[2], *values)
    steps = sorted((s for s in found.values() if s.kind != "nothing"), key=lambda s: s.last or s.id, reverse=True)
    return steps, (rows[-1][0] if len(rows) == limit else None)


async def since(uow: UnitOfWork, steps: Sequence[Step]) -> dict[tuple[str, UUID], Step]:
    """Return what happened to the records of steps after them, per record; those left alone are absent."""
    last = {(s.entity.name, s.id): s.last for s in steps}
    oldest = min((s.last for s in steps if s.last is not None), default=None)
    found: dict[tuple[str, UUID], Step] = {}
    for name in {s.entity.name for s in steps}:
        ids = [s.id for s in steps if s.entity.name == name]
        for event in await _later(uow, name, ids, oldest):
            key = (name, event.record_id)
            if (mark := last[key]) is not None and event.id > mark:
                step = found.setdefault(key, Step(uow.registry.entities[name], event.record_id))
                data = event.payload or {}
                step.add(event.id, event.type.rpartition(".")[2], data.get("before") or {}, data.get("after") or {})
    return found


async def _later(uow: UnitOfWork, entity: str, ids: Sequence[UUID], oldest: UUID | None) -> Iterable[Any]:
    wanted = (
        sa.select(EventRow.id, EventRow.type, EventRow.record_id, EventData.payload)
        .join(EventData, EventData.event_id == EventRow.id, isouter=True)
        .where(
            EventRow.entity == entity, EventRow.record_id.in_(ids), EventRow.id > oldest,
            EventRow.type.in_([f"{entity}.{kind}" for kind in KINDS]),
        )
        .order_by(EventRow.id)
    )  # fmt: skip
    return list(await uow.session.execute(wanted))
