"""What the session API takes and gives."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class SignIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Credentials of a person."""

    email: str
    password: str


class SessionOut(msgspec.Struct, kw_only=True):
    """Who is signed in. `csrf` goes back as the header `X-CSRF-Token` of changing requests made with the cookie."""

    user_id: UUID | None
    name: str
    roles: list[str]
    locale: str
    zone: str
    scopes: list[str] = []
    csrf: str = ""


class NewToken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token to make. No scopes: all its user may. `days` until it expires, none: never."""

    name: str
    scopes: list[str] = []
    days: int | None = None


class TokenOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A token as listed; `token` only in the answer that made it."""

    id: UUID
    name: str
    start: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    token: str = ""


class NewPassword(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new password; `current` is needed for one's own."""

    password: str
    current: str | None = None
