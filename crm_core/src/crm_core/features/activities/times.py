"""Last and next activity of records, counted from the activities that are about them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm.attributes import set_committed_value

from crm_core.features.activities.models import Activity, ActivityLink
from crm_core.plugin import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

Times = tuple[datetime | None, datetime | None]
A, L = Activity.__table__, ActivityLink.__table__
LAST = sa.func.max(A.c.done_at)
NEXT = sa.func.min(sa.case((A.c.done_at.is_(None), A.c.due_at)))


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
