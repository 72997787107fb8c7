"""Event sinks as the API answers them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class SinkOut(msgspec.Struct, kw_only=True):
    """One sink. state: running, paused or failing; "absent" when no loaded plugin has it.

    position: of the last event that is safe outside; lag: how many events wait; waiting_since: the time of the first
    of them. error: of the last try, with `attempts` failures in a row; retry_at: when it is tried again. next_event:
    the event at the front, which `skip` would pass over.
    """

    name: str
    state: str
    position: int
    lag: int
    waiting_since: datetime | None
    attempts: int
    error: str
    retry_at: datetime | None
    next_position: int | None
    next_event: UUID | None
    next_type: str | None
    updated_at: datetime


class SinkList(msgspec.Struct, kw_only=True):
    """All sinks, by name."""

    items: list[SinkOut]


class Skip(msgspec.Struct, kw_only=True):
    """Which event to pass over: the sink's `next_position`, so that nobody skips another than the one looked at."""

    position: int
