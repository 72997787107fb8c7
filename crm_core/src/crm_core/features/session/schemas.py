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
    recovery_codes: list[str] = []


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


class SecondStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The step that the right password gave, and the code of the app or a recovery code."""

    step: str
    code: str


class StartedStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The step that the right password gave."""

    step: str


class Enrolment(msgspec.Struct, kw_only=True):
    """A secret for an authenticator app: `uri` for a QR code, `secret` for typing."""

    secret: str
    uri: str


class RecoveryCodes(msgspec.Struct, kw_only=True):
    """Ten codes that each replace the app once; never shown again."""

    recovery_codes: list[str]


class OwnPassword(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The present password, asked for before something serious."""

    password: str


class Code(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code of the app."""

    code: str


class PasswordAndCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The present password and a code of the app, or a recovery code."""

    password: str
    code: str


class SessionRow(msgspec.Struct, kw_only=True):
    """One sign-in that lives. `device` is a guess from `browser`, the User-Agent header."""

    id: UUID
    device: str
    browser: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    is_current: bool


class SecondFactorOut(msgspec.Struct, kw_only=True):
    """How a user's second factor stands. `is_demanded`: a rule asks for one at the next sign-in."""

    is_on: bool
    since: datetime | None
    recovery_codes_left: int
    is_demanded: bool
