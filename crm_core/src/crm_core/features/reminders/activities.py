"""Reminders drawn from activities: who takes part is reminded before it starts, or is due."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from crm_core.auth.people import User
from crm_core.features.activities.models import Activity, Participant
from crm_core.features.notifications.public import settings_of
from crm_core.features.reminders.actions import cancel, remind, set_reminders
from crm_core.features.reminders.calls import RenewReminders
from crm_core.features.reminders.settings import ReminderSettings
from crm_core.plugin import Listener, Ref

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.jobs.context import JobContext
    from crm_core.uow import UnitOfWork

NAME = "core.activity"
TELLING = frozenset(("due_at", "starts_at", "starts_on", "done_at", "owner_id", "organiser_id", "all_day", "zone"))
PAST = ("note", "email")
SOME = 200


def at_of(activity: Activity, wishes: ReminderSettings, zone: str) -> tuple[datetime, datetime] | None:
    """Return when somebody with these wishes and this zone is reminded, and when the activity is due or over.

    None when there is nothing to be reminded of. A whole day is reminded of in its morning on the reader's clock; an
    hour that spring skips is the one right after the gap, and of one that autumn repeats it is the first.
    """
    if not wishes.is_on or activity.done_at is not None or activity.kind in PAST:
        return None
    place = ZoneInfo(zone)
    if activity.starts_on is not None and activity.starts_at is None:
        morning = datetime.combine(activity.starts_on, time(wishes.morning_hour), place).astimezone(UTC)
        last = activity.ends_on or activity.starts_on
        return morning, datetime.combine(last + timedelta(days=1), time(), place).astimezone(UTC)
    due = activity.starts_at or activity.due_at
    return (due - timedelta(minutes=wishes.minutes_before), due) if due else None


async def keep(uow: UnitOfWork, event: Happened) -> None:
    """Bring the reminders of an activity in line with it."""
    if event.record_id is None:
        return
    about = Ref(NAME, event.record_id)
    if event.kind in ("deleted", "merged"):
        await cancel(uow, about)
        return
    activity = event.record or await uow.session.get(Activity, event.record_id)
    if activity is None or activity.deleted_at is not None:
        return
    if activity.done_at is not None:
        await cancel(uow, about)
        return
    wanted, due = await _wanted(uow, activity)
    await set_reminders(uow, about, NAME, wanted, due_at=due)


async def _wanted(uow: UnitOfWork, activity: Activity) -> tuple[dict[UUID, datetime], datetime | None]:
    taking_part = sa.select(Participant.user_id).where(
        Participant.activity_id == activity.id, Participant.user_id.is_not(None)
    )
    people = {p for p in await uow.session.scalars(taking_part) if p is not None}
    people |= {p for p in (activity.owner_id, activity.organiser_id) if p is not None}
    zones = await uow.session.execute(sa.select(User.id, User.zone).where(User.id.in_(people)))
    wishes = await settings_of(uow, ReminderSettings, people)
    found: dict[UUID, datetime] = {}
    ends: datetime | None = None
    for user, zone in zones:
        times = at_of(activity, wishes[user], zone)
        if times is not None:
            found[user], over = times
            ends = max(ends, over) if ends else over
    return found, ends


def concerns(event: Happened) -> bool:
    """Return whether an activity's event can move a reminder; asked in memory."""
    if event.kind == "created":
        record = event.record
        return record is None or (record.done_at is None and (record.due_at or record.starts_at) is not None)
    if event.kind != "updated":
        return True
    return any(n in TELLING or n.startswith("participants.") for n in event.changed)


async def renew(job: JobContext, call: RenewReminders) -> None:
    """Work out a user's reminders of the activities to come anew, some at a time; twice does no harm."""
    last: UUID | None = None
    while True:
        async with job.transaction() as uow:
            taking_part = sa.select(Participant.activity_id).where(Participant.user_id == call.user_id)
            wanted = sa.select(Activity).where(
                Activity.deleted_at.is_(None), Activity.done_at.is_(None),
                sa.or_(Activity.due_at > uow.now - timedelta(days=2), Activity.starts_at > uow.now),
                sa.or_(
                    Activity.owner_id == call.user_id, Activity.organiser_id == call.user_id,
                    Activity.id.in_(taking_part),
                ),
            )  # fmt: skip
            if last is not None:
                wanted = wanted.where(Activity.id > last)
            some = (await uow.session.scalars(wanted.order_by(Activity.id).limit(SOME))).all()
            zone = await uow.session.scalar(sa.select(User.zone).where(User.id == call.user_id)) or "UTC"
            wishes = (await settings_of(uow, ReminderSettings, [call.user_id]))[call.user_id]
            for activity in some:
                times, about = at_of(activity, wishes, zone), Ref(NAME, activity.id)
                await cancel(uow, about, NAME, call.user_id)
                if times is not None:
                    await remind(uow, call.user_id, about, times[0], NAME, due_at=times[1])
            if len(some) < SOME:
                await job.finish(uow)
                return
            last = some[-1].id


async def zone_changed(uow: UnitOfWork, event: Happened) -> None:
    """Let the reminders of whole days follow their reader into another zone."""
    if event.record_id is not None:
        await uow.enqueue(RenewReminders(user_id=event.record_id))


LISTENERS = (
    *(
        Listener(event=f"{NAME}.{kind}", run=keep, name="core.activity_reminders", wants=concerns)
        for kind in ("created", "updated", "deleted", "restored", "merged")
    ),
    Listener(event="core.user.updated", run=zone_changed, name="core.reminder_zone", fields=("zone",)),
)
