"""When somebody is reminded of their own activities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from crm_core.features.reminders.calls import RenewReminders
from crm_core.plugin import SettingsGroup, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class ReminderSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """minutes before a timed activity, and the hour of the day, in one's own zone, for all-day ones."""

    is_on: Annotated[bool, Meta(title=str(_("Remind me of my activities")))] = True
    minutes_before: Annotated[int, Meta(title=str(_("Minutes before")), ge=0, le=10_080)] = 15
    morning_hour: Annotated[int, Meta(title=str(_("Hour of the morning for whole days")), ge=0, le=23)] = 8


async def renew(uow: UnitOfWork, old: ReminderSettings, new: ReminderSettings) -> None:
    """Let the reminders to come follow the new wishes: a job, since there may be many."""
    if old != new and uow.actor.user_id is not None:
        await uow.enqueue(RenewReminders(user_id=uow.actor.user_id))


GROUP = SettingsGroup(
    name="core.reminders", struct=ReminderSettings, label=_("Reminders"), scope="user", validate=renew, order=22
)
