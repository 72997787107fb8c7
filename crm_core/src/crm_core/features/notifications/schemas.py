"""What the API says about notifications, and the calls of their jobs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from crm_core.plugin import JobCall


class DeliverNotifications(JobCall, frozen=True, kw_only=True):
    """Look at rights and wishes of those whom a cause concerns, and tell them."""

    cause: UUID


class SendDigests(JobCall, frozen=True, kw_only=True):
    """Send the daily mails that are due."""


class NotificationOut(msgspec.Struct, kw_only=True):
    """One notification. about: "entity:id" while the reader may read it. href: where it leads in the web app.

    title: of the record; both title and note are empty once the reader may not read the record any more.
    """

    id: UUID
    kind: str
    text: str
    note: str
    about: str | None
    title: str
    href: str
    by_id: UUID | None
    by: str
    at: datetime
    read_at: datetime | None
    late: bool
    icon: str = "bell"


class NotificationPage(msgspec.Struct, kw_only=True):
    """Some notifications, newest first; `before` asks for the next ones, null at the end."""

    items: list[NotificationOut]
    before: UUID | None
    unread: int


class UnreadOut(msgspec.Struct, kw_only=True):
    """How many notifications are unread."""

    unread: int
