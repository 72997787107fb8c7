"""What the API says about reminders, and the calls of their jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from crm_core.plugin import JobCall


class RemindDue(JobCall, frozen=True, kw_only=True):
    """Tell the reminders that are due."""


class ReminderOut(msgspec.Struct, kw_only=True):
    """A reminder to come. mine: the actor set it themselves; others follow from activities and modules."""

    id: UUID
    about: str
    title: str
    href: str
    at: datetime
    due_at: datetime | None
    note: str
    source: str


class NewReminder(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Remind me of a record ("entity:id") at an instant with its offset from UTC."""

    about: str
    at: datetime
    note: Annotated[str, Meta(max_length=255)] = ""


class Snooze(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Remind me of this notification again, so many minutes from now."""

    minutes: Annotated[int, Meta(ge=1, le=43_200)] = 10
