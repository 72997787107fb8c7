"""The daily mails."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from crm_core.auth.rights import UserUnknown, load_actor
from crm_core.features.notifications import delivery, queries
from crm_core.features.notifications.models import Notification
from crm_core.features.notifications.queries import N
from crm_core.features.notifications.settings import NotificationSettings

if TYPE_CHECKING:
    from crm_core.features.notifications.schemas import SendDigests
    from crm_core.jobs.context import JobContext

MOST = 100
"""Notifications in one daily mail; more wait for the next run."""


def last_hour(now: datetime, hour: int, zone: str) -> datetime:
    """Return the latest instant, at or before `now`, at which the clock of `zone` showed this hour; in UTC.

    An hour that spring skips counts from the end of the gap.
    """
    place = ZoneInfo(zone)
    today = now.astimezone(place).date()
    for day in (today, today - timedelta(days=1)):
        found = datetime.combine(day, time(hour), place).astimezone(UTC)
        if found <= now:
            return found
    raise AssertionError("yesterday's hour is past")


async def send_digests(job: JobContext, _call: SendDigests) -> None:
    """Send each user who wants it one mail of what was unread at their hour; nothing when there is nothing.

    Mail and mark are one transaction, so a repeated job sends nothing twice; after downtime it comes late, once.
    """
    async with job.reading() as uow:
        waiting = set(await uow.session.scalars(sa.select(N.c.user_id).where(*delivery.digest_columns()).distinct()))
    for user_id in sorted(waiting):
        await _send(job, user_id)


async def _send(job: JobContext, user_id: UUID) -> None:
    async with job.transaction() as uow:
        try:
            reader = await load_actor(uow.kernel, user_id, session=uow.session)
        except UserUnknown:
            return
        wishes = (await queries.settings_of(uow, NotificationSettings, [user_id]))[user_id]
        until = last_hour(uow.now, wishes.digest_hour, reader.zone)
        wanted = sa.select(Notification).where(
            Notification.user_id == user_id, *delivery.digest_columns(), Notification.delivered_at <= until
        )
        some = wanted.order_by(Notification.id).limit(MOST).with_for_update(skip_locked=True)
        rows = (await uow.session.scalars(some)).all()
        if rows:
            await delivery.send_digest(uow, reader, rows)
