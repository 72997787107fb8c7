"""Asking for reminders, moving and cancelling them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from crm_core.auth.people import User
from crm_core.db.types import new_id
from crm_core.errors import Invalid, NotFound
from crm_core.features.notifications.public import mark, me
from crm_core.features.reminders.models import Reminder
from crm_core.plugin import Ref, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
R: Any = Reminder.__table__
OWN = "core.own"
"""Source of what people set themselves."""
FARTHEST = timedelta(days=3660)


class ReminderNotValid(Invalid):
    """A reminder in the past, too far away, or without a zone."""


class ReminderUnknown(NotFound):
    """The actor has no such reminder to come."""


async def remind(
    uow: UnitOfWork, user_id: UUID, about: Ref, at: datetime, source: str, *, due_at: datetime | None = None,
    note: str = "",
) -> None:  # fmt: skip
    """Remind a user of a record at an instant (aware); asking twice is asking once.

    source: "<plugin>.<what>", by which it is moved and cancelled. due_at: when the item itself is due; a reminder
    that would come after it, or without it in the past, is not made. At that time nothing is told of records that
    are deleted or done, or that the user may not read then.
    """
    if at.tzinfo is None or (due_at is not None and due_at.tzinfo is None):
        raise ValueError("a reminder needs an instant with a time zone")
    uow.demand_write()
    there = sa.select(User.id).where(User.id == user_id, User.is_active, User.deleted_at.is_(None))
    if (due_at or at) <= uow.now or await uow.session.scalar(there) is None:
        return
    row = {
        "id": new_id(), "created_at": uow.now, "user_id": user_id, "entity": about.entity, "record_id": about.id,
        "source": source, "at": at, "due_at": due_at, "note": note[:255],
    }  # fmt: skip
    insert: Any = (postgresql if uow.db.dialect == "postgresql" else sqlite).insert(R).values(row)
    key = ["user_id", "entity", "record_id", "at", "source"]
    await uow.session.execute(insert.on_conflict_do_nothing(index_elements=key))


async def set_reminders(
    uow: UnitOfWork, about: Ref, source: str, wanted: Mapping[UUID, datetime], *, due_at: datetime | None = None
) -> None:
    """Make the waiting reminders of a source on a record exactly these: users and instants."""
    uow.demand_write()
    waiting = sa.select(R.c.id, R.c.user_id, R.c.at).where(*_of(about, source))
    gone = [key for key, user, at in await uow.session.execute(waiting) if wanted.get(user) != at]
    if gone:
        await uow.session.execute(sa.delete(R).where(R.c.id.in_(gone)))
    for user, at in wanted.items():
        await remind(uow, user, about, at, source, due_at=due_at)


async def move(uow: UnitOfWork, about: Ref, source: str, by: timedelta) -> None:
    """Move the waiting reminders of a source with their item."""
    columns = (R.c.user_id, R.c.at, R.c.due_at, R.c.note)
    rows = (await uow.session.execute(sa.select(*columns).where(*_of(about, source)))).all()
    await cancel(uow, about, source)
    for user, at, due_at, note in rows:
        due = due_at + by if due_at else None
        await remind(uow, user, about, at + by, source, due_at=due, note=note)


async def cancel(uow: UnitOfWork, about: Ref, source: str = "", user_id: UUID | None = None) -> None:
    """Remove waiting reminders of a record: of one source or all, of one user or all."""
    uow.demand_write()
    wanted = [*_of(about, source), *([R.c.user_id == user_id] if user_id else [])]
    await uow.session.execute(sa.delete(R).where(*wanted))


def _of(about: Ref, source: str) -> list[Any]:
    found = [R.c.entity == about.entity, R.c.record_id == about.id, R.c.done_at.is_(None)]
    return [*found, R.c.source == source] if source else found


async def set_own(uow: UnitOfWork, about: Ref, at: datetime, note: str = "") -> None:
    """Remind the actor of a record they may read; ReminderNotValid for a time that does not come."""
    if at.tzinfo is None or not uow.now < at < uow.now + FARTHEST:
        text = _("Choose a time to come, within ten years.")
        raise ReminderNotValid(text, fields={"at": text})
    await remind(uow, me(uow), about, at, OWN, note=note)


async def remove_own(uow: UnitOfWork, reminder_id: UUID) -> None:
    """Remove one of the actor's reminders to come, whoever asked for it; ReminderUnknown for any other."""
    uow.demand_write()
    mine = sa.delete(R).where(R.c.id == reminder_id, R.c.user_id == me(uow), R.c.done_at.is_(None))
    if not (await uow.session.execute(mine)).rowcount:  # type: ignore[attr-defined]  # a cursor result
        raise ReminderUnknown(_("There is no such reminder."))


async def snooze(uow: UnitOfWork, notification_id: UUID, minutes: int) -> None:
    """Tell the actor of a reminder's notification again in so many minutes, and mark it as read."""
    told = await mark(uow, notification_id)
    if told.kind != "core.reminder" or told.entity is None or told.record_id is None:
        raise ReminderUnknown(_("There is no such reminder."))
    about = Ref(told.entity, told.record_id)
    await remind(uow, me(uow), about, uow.now + timedelta(minutes=minutes), OWN, note=told.note)
