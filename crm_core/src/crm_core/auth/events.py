"""Security events. They carry ids and circumstances, never secrets or what somebody typed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from crm_core.plugin.declare import Event


class SignedIn(Event, frozen=True, kw_only=True):
    """Somebody signed in. second_factor: "app", "recovery", or empty when none was asked for."""

    user_id: UUID
    address: str = ""
    second_factor: str = ""


class SignedOut(Event, frozen=True, kw_only=True):
    """Somebody signed out at the browser."""

    user_id: UUID


class SessionsEnded(Event, frozen=True, kw_only=True):
    """All sessions of a user were ended."""

    user_id: UUID


class LockedOut(Event, frozen=True, kw_only=True):
    """Too many wrong guesses; further ones are refused for a while."""

    kind: str
    address: str = ""


class AccessDenied(Event, frozen=True, kw_only=True):
    """A known actor asked for something it has no right to."""

    what: str
    address: str = ""


class PasswordChanged(Event, frozen=True, kw_only=True):
    """A password was set; other sessions of the user ended."""

    user_id: UUID


class AdministratorSetUp(Event, frozen=True, kw_only=True):
    """The first administrator was made."""

    user_id: UUID


class ViewingStarted(Event, frozen=True, kw_only=True):
    """Somebody opened the CRM as another user, who can be looked at but not acted as."""

    user_id: UUID
    until: datetime


class ViewingEnded(Event, frozen=True, kw_only=True):
    """A look through another user's eyes ended. reason: "asked" or "time"."""

    user_id: UUID
    reason: str = "asked"


class TokenCreated(Event, frozen=True, kw_only=True):
    """An API token was made."""

    user_id: UUID
    token_id: UUID
    scopes: tuple[str, ...] = ()


class TokenRevoked(Event, frozen=True, kw_only=True):
    """An API token was ended."""

    user_id: UUID
    token_id: UUID
