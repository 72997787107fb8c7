"""What happened around signing in, beyond what the kernel itself tells. No secrets, nothing that was typed."""

from __future__ import annotations

from uuid import UUID

from crm_core.plugin.declare import Event


class SignInFailed(Event, frozen=True, kw_only=True):
    """Address or password was wrong. `user_id` is none when nobody has the address."""

    user_id: UUID | None = None
    address: str = ""


class CodeRefused(Event, frozen=True, kw_only=True):
    """The password was right and the second factor wrong, or used before."""

    user_id: UUID
    address: str = ""


class SecondFactorEnabled(Event, frozen=True, kw_only=True):
    """An authenticator app was confirmed; other sessions of the user ended."""

    user_id: UUID


class SecondFactorDisabled(Event, frozen=True, kw_only=True):
    """The user took the second factor away, with password and code."""

    user_id: UUID


class SecondFactorReset(Event, frozen=True, kw_only=True):
    """Somebody else took a user's second factor away."""

    user_id: UUID


class RecoveryCodeUsed(Event, frozen=True, kw_only=True):
    """A recovery code took the app's place. left: how many are unused."""

    user_id: UUID
    left: int


class RecoveryCodesMade(Event, frozen=True, kw_only=True):
    """Ten new recovery codes were shown; the old ones are void."""

    user_id: UUID


class SessionRevoked(Event, frozen=True, kw_only=True):
    """One session was ended from a list."""

    user_id: UUID
    session_id: UUID


class RolesChanged(Event, frozen=True, kw_only=True):
    """Roles were given to or taken from a user; ids."""

    user_id: UUID
    added: tuple[UUID, ...] = ()
    removed: tuple[UUID, ...] = ()
