"""The security events as the catalogue and the audit list show them."""

from __future__ import annotations

from crm_core.auth import events
from crm_core.plugin import EventType, Strings

_ = Strings("crm_core")

EVENT_TYPES = (
    EventType(
        struct=events.SignedIn, name="core.session.signed_in", label=_("Signed in"), icon="login", personal=("address",)
    ),
    EventType(
        struct=events.SignedOut, name="core.session.signed_out", label=_("Signed out"), icon="logout", personal=()
    ),
    EventType(
        struct=events.SessionsEnded, name="core.session.ended", label=_("Sessions ended"), icon="logout", personal=()
    ),
    EventType(
        struct=events.LockedOut,
        name="core.session.locked_out",
        label=_("Too many attempts"),
        icon="lock",
        personal=("address",),
    ),
    EventType(
        struct=events.AccessDenied, name="core.session.denied", label=_("Refused"), icon="ban", personal=("address",)
    ),
    EventType(
        struct=events.PasswordChanged,
        name="core.user.password_changed",
        label=_("Password set"),
        icon="key",
        personal=(),
    ),
    EventType(
        struct=events.AdministratorSetUp, name="core.session.set_up", label=_("CRM set up"), icon="flag", personal=()
    ),
    EventType(struct=events.TokenCreated, name="core.token.created", label=_("Token made"), icon="key", personal=()),
    EventType(
        struct=events.TokenRevoked, name="core.token.revoked", label=_("Token revoked"), icon="key-off", personal=()
    ),
)
