"""Telling what is due."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.db.session import WriteHeldTooLong
from crm_core.entity import access
from crm_core.entity.single import holds
from crm_core.features.notifications.public import notify
from crm_core.features.reminders.models import Reminder
from crm_core.plugin import Entity, Ref, Strings

if TYPE_CHECKING:
    from crm_core.features.reminders.schemas import RemindDue
    from crm_core.jobs.context import JobContext
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
SOME = 25
LATE = timedelta(minutes=5)
"""A reminder told later than this says so."""


async def remind_due(job: JobContext, _call: RemindDue) -> None:
    """Tell the reminders that are due, some at a time.

    Mark and notification are one transaction, so a kill at any place tells each once; several processes leave each
    other's rows alone. What was due during downtime comes once, marked late. On a busy machine fewer are told at
    a time: each attempt would hold the writer too long, and nobody would ever be told.
    """
    most = SOME
    while True:
        try:
            async with job.transaction() as uow:
                due = sa.select(Reminder).where(Reminder.done_at.is_(None), Reminder.at <= uow.now)
                some = due.order_by(Reminder.at, Reminder.id).limit(most).with_for_update(skip_locked=True)
                rows = (await uow.session.scalars(some)).all()
                await _tell(uow, rows)
                if len(rows) < most:
                    await job.finish(uow)
                    return
        except WriteHeldTooLong:
            if most == 1:
                raise
            most = max(most // 3, 1)


async def _tell(uow: UnitOfWork, rows: Sequence[Reminder]) -> None:
    by_entity: dict[str, list[Reminder]] = defaultdict(list)
    for row in rows:
        row.done_at = uow.now
        by_entity[row.entity].append(row)
    for name, some in by_entity.items():
        entity = uow.registry.entities.get(name)
        if entity is None:
            continue
        open_ones = await _open(uow, entity, {r.record_id for r in some})
        for row in some:
            if row.record_id in open_ones:
                key = f"reminder:{name}:{row.record_id}:{row.user_id}:{row.at.isoformat()}"
                await notify(
                    uow, [row.user_id], "core.reminder", Ref(name, row.record_id),
                    _("Reminder: {what}", what=entity.label), note=row.note, event=key, own=True,
                    late=uow.now - row.at > LATE,
                )  # fmt: skip


async def _open(uow: UnitOfWork, entity: Entity, ids: set[UUID]) -> set[UUID]:
    """Return the records that are there and not done: people are reminded of nothing else."""
    table = access.table_of(entity)
    there = access.rows(uow.registry, uow.actor, entity, "read")
    found = set(await uow.session.scalars(sa.select(table.c.id).where(table.c.id.in_(ids), there)))
    if entity.open_when is None:
        return found
    return {key for key in found if await holds(uow, entity, key, entity.open_when)}
