"""Calls, parameters and answers of webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from crm_core.plugin import JobCall, Strings

_ = Strings("crm_core")


class DeliverWebhook(JobCall, frozen=True, kw_only=True):
    """Send one delivery."""

    delivery_id: UUID


class Replay(msgspec.Struct, kw_only=True):
    """Which events are sent again: those that happened between two instants."""

    since: Annotated[datetime, Meta(title=str(_("From")))]
    until: Annotated[datetime | None, Meta(title=str(_("To")))] = None
    failed_only: Annotated[bool, Meta(title=str(_("Only what did not arrive")))] = True


class Replayed(msgspec.Struct, kw_only=True):
    """How many deliveries were made."""

    count: int


class Tested(msgspec.Struct, kw_only=True):
    """The delivery of a test; its row tells what came of it."""

    delivery_id: UUID


class SecretOut(msgspec.Struct, kw_only=True):
    """The secret that signatures are checked with; the old one signs beside it until `old_until`."""

    secret: str
    old_until: datetime | None


class DeliveryOut(msgspec.Struct, kw_only=True):
    """One event on its way to one webhook.

    state: waiting, delivered, failed, or skipped (nothing that the webhook's owner may read, or not what its filter
    asks for). status: of the answer, null when there was none; response: its beginning. due_at: of the next try.
    """

    id: UUID
    event_id: UUID | None
    message_id: str
    type: str
    entity: str | None
    record_id: UUID | None
    state: str
    attempts: int
    status: int | None
    response: str
    error: str
    duration_ms: int | None
    created_at: datetime
    tried_at: datetime | None
    due_at: datetime | None
    ended_at: datetime | None
    replay_of: UUID | None


class DeliveriesPage(msgspec.Struct, kw_only=True):
    """Deliveries, newest first; `next` is the cursor of the following ones, null at the end."""

    items: list[DeliveryOut]
    next: str | None
