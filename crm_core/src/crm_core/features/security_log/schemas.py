"""What the security log gives."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from crm_core.i18n import Text


class SecurityEvent(msgspec.Struct, kw_only=True):
    """One line of the log. who: the one who acted, in words. user: the person it is about."""

    id: UUID
    type: str
    label: Text | str
    icon: str
    at: datetime
    who: str
    user_id: UUID | None
    user: str
    address: str
    details: dict[str, str]


class SecurityEventOut(msgspec.Struct, kw_only=True):
    """One line of the log by API. `type` is the name in the catalogue of events."""

    id: UUID
    type: str
    at: datetime
    who: str
    user_id: UUID | None
    user: str
    address: str
    details: dict[str, str]


class SecurityPage(msgspec.Struct, kw_only=True):
    """Events, newest first; `before` goes back as a parameter for older ones, "" at the end."""

    items: list[SecurityEventOut]
    before: str
