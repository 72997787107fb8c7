"""What happens when work is handed over."""

from __future__ import annotations

from uuid import UUID

from crm_core.plugin import Event, EventType, Strings

_ = Strings("crm_core")


class HandedOver(Event, frozen=True, kw_only=True):
    """A user's records of one kind, or things of one kind (`keys`), were given to another user."""

    user_id: UUID
    to: UUID
    what: str
    count: int
    keys: tuple[str, ...] = ()


class HandOverUndone(Event, frozen=True, kw_only=True):
    """What a cause handed over was given back."""

    user_id: UUID
    undone: UUID
    count: int


EVENT_TYPES = (
    EventType(struct=HandedOver, name="core.user.handed_over", label=_("Handed over"), icon="transfer", personal=()),
    EventType(
        struct=HandOverUndone, name="core.user.hand_over_undone", label=_("Hand-over undone"), icon="arrow-back-up",
        personal=(),
    ),
)  # fmt: skip
