"""What happens to shares."""

from __future__ import annotations

from uuid import UUID

from crm_core.plugin import Event, EventType, Strings

_ = Strings("crm_core")


class RecordShared(Event, frozen=True, kw_only=True):
    """A record was opened to a user or a team, or the level changed."""

    level: str
    user_id: UUID | None = None
    team_id: UUID | None = None


class ShareRevoked(Event, frozen=True, kw_only=True):
    """A record is no longer opened to a user or a team."""

    level: str
    user_id: UUID | None = None
    team_id: UUID | None = None


EVENT_TYPES = (
    EventType(struct=RecordShared, name="core.share.created", label=_("Record shared"), icon="user-plus", personal=()),
    EventType(struct=ShareRevoked, name="core.share.revoked", label=_("Share revoked"), icon="user-minus", personal=()),
)
