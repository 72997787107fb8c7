"""Security events. They carry ids and circumstances, never secrets or what somebody typed."""

from __future__ import annotations

from uuid import UUID

from crm_core.plugin.declare import Event


class SignedIn(Event):
    """Somebody signed in with a password."""

    user_id: UUID
    address: str = ""


class SignedOut(Event):
    """Somebody signed out at the browser."""

    user_id: UUID


class SessionsEnded(Event):
    """All sessions of a user were ended."""

    user_id: UUID


class LockedOut(Event):
    """Too many wrong guesses; further ones are refused for a while."""

    kind: str
    address: str = ""


class AccessDenied(Event):
    """A known actor asked for something it has no right to."""

    what: str
    address: str = ""


class PasswordChanged(Event):
    """A password was set; other sessions of the user ended."""

    user_id: UUID


class AdministratorSetUp(Event):
    """The first administrator was made."""

    user_id: UUID


class TokenCreated(Event):
    """An API token was made."""

    user_id: UUID
    token_id: UUID
    scopes: list[str] = []


class TokenRevoked(Event):
    """An API token was ended."""

    user_id: UUID
    token_id: UUID
