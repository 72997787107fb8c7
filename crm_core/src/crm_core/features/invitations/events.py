"""What happened to invitations."""

from __future__ import annotations

from uuid import UUID

from crm_core.plugin import Event, EventType, Strings

_ = Strings("crm_core")


class InvitationSent(Event, frozen=True, kw_only=True):
    """Somebody was invited, or the invitation went out again. mailed: by us; else the link was handed over."""

    invitation_id: UUID
    email: str
    mailed: bool
    role_ids: tuple[UUID, ...] = ()


class InvitationRevoked(Event, frozen=True, kw_only=True):
    """An invitation was taken back."""

    invitation_id: UUID
    email: str


class InvitationAccepted(Event, frozen=True, kw_only=True):
    """Somebody made an account from an invitation."""

    invitation_id: UUID
    email: str
    user_id: UUID


EVENT_TYPES = (
    EventType(
        struct=InvitationSent,
        name="core.invitation.sent",
        label=_("Invitation sent"),
        icon="mail-forward",
        personal=("email",),
    ),
    EventType(
        struct=InvitationRevoked,
        name="core.invitation.revoked",
        label=_("Invitation revoked"),
        icon="mail",
        personal=("email",),
    ),
    EventType(
        struct=InvitationAccepted,
        name="core.invitation.accepted",
        label=_("Invitation accepted"),
        icon="user-check",
        personal=("email",),
    ),
)
