"""The security events as the catalogue and the audit list show them."""

from __future__ import annotations

from crm_core.auth import events
from crm_core.features.session import events as more
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
    EventType(
        struct=more.SignInFailed,
        name="core.session.sign_in_failed",
        label=_("Sign-in refused"),
        icon="ban",
        personal=("address",),
    ),
    EventType(
        struct=more.CodeRefused,
        name="core.session.code_refused",
        label=_("Second factor refused"),
        icon="ban",
        personal=("address",),
    ),
    EventType(
        struct=more.SessionRevoked, name="core.session.revoked", label=_("Session ended"), icon="logout", personal=()
    ),
    EventType(
        struct=more.SecondFactorEnabled,
        name="core.second_factor.enabled",
        label=_("Second factor on"),
        icon="shield-check",
        personal=(),
    ),
    EventType(
        struct=more.SecondFactorDisabled,
        name="core.second_factor.disabled",
        label=_("Second factor off"),
        icon="shield-off",
        personal=(),
    ),
    EventType(
        struct=more.SecondFactorReset,
        name="core.second_factor.reset",
        label=_("Second factor reset"),
        icon="shield-off",
        personal=(),
    ),
    EventType(
        struct=more.RecoveryCodeUsed,
        name="core.second_factor.recovery_code_used",
        label=_("Recovery code used"),
        icon="key",
        personal=(),
    ),
    EventType(
        struct=more.RecoveryCodesMade,
        name="core.second_factor.recovery_codes_made",
        label=_("Recovery codes made"),
        icon="key",
        personal=(),
    ),
    EventType(
        struct=more.RolesChanged, name="core.user.roles_changed", label=_("Roles changed"), icon="shield", personal=()
    ),
)
