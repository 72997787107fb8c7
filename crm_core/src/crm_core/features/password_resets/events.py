"""What happened about forgotten passwords."""

from __future__ import annotations

from uuid import UUID

from crm_core.plugin import Event, EventType, Strings

_ = Strings("crm_core")


class PasswordResetRequested(Event, frozen=True, kw_only=True):
    """Somebody asked for a link. `user_id` is none when nobody has the address."""

    user_id: UUID | None = None
    address: str = ""


class PasswordResetLinkMade(Event, frozen=True, kw_only=True):
    """A link was made at the command line, for an administrator to pass on."""

    user_id: UUID


class PasswordResetDone(Event, frozen=True, kw_only=True):
    """A link was used and a new password set; every session of the user ended."""

    user_id: UUID


EVENT_TYPES = (
    EventType(
        struct=PasswordResetRequested,
        name="core.password_reset.requested",
        label=_("Password reset asked for"),
        icon="mail",
        personal=("address",),
    ),
    EventType(
        struct=PasswordResetLinkMade,
        name="core.password_reset.link_made",
        label=_("Password reset link made"),
        icon="key",
        personal=(),
    ),
    EventType(
        struct=PasswordResetDone,
        name="core.password_reset.done",
        label=_("Password reset"),
        icon="key",
        personal=(),
    ),
)
