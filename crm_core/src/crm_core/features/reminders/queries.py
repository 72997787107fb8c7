"""Reminders to come."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.features.followers.public import labels_of
from crm_core.features.notifications.public import me
from crm_core.features.reminders.models import Reminder
from crm_core.features.reminders.schemas import ReminderOut

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

MOST = 200


async def coming(uow: UnitOfWork, about: str = "", limit: int = MOST) -> list[ReminderOut]:
    """Return the actor's reminders to come about what they may read, the next one first."""
    wanted = sa.select(Reminder).where(Reminder.user_id == me(uow), Reminder.done_at.is_(None))
    if about:
        entity, _colon, key = about.rpartition(":")
        wanted = wanted.where(Reminder.entity == entity, Reminder.record_id == UUID(key))
    rows = (await uow.session.scalars(wanted.order_by(Reminder.at, Reminder.id).limit(max(1, min(limit, MOST))))).all()
    titles = await labels_of(uow, rows)
    return [
        ReminderOut(
            id=r.id, about=f"{r.entity}:{r.record_id}", title=titles[r.id][0], href=titles[r.id][1], at=r.at,
            due_at=r.due_at, note=r.note, source=r.source,
        )
        for r in rows if r.id in titles
    ]  # fmt: skip
