"""Events as the API answers them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class EventOut(msgspec.Struct, kw_only=True):
    """One event. actor: "user:<id>", "token:<id>", "system:<name>", …; cause: what groups events of one undertaking."""

    id: UUID
    at: datetime
    type: str
    entity: str | None
    record_id: UUID | None
    actor: str
    cause: UUID


class EventDetail(EventOut, kw_only=True):
    """One event with what happened: before and after of a record, the fields of any other.

    payload: null when it was cleaned away. Fields that a role bars the reader from are left out. about: the
    records ("entity:id") on whose timelines it stands. position: its number for sinks, null while it has none.
    """

    payload: dict[str, Any] | None
    about: list[str]
    position: int | None


class EventsPage(msgspec.Struct, kw_only=True):
    """Events, newest first; `next` is the cursor of the following ones, null at the end."""

    items: list[EventOut]
    next: str | None
