"""What the invitation API takes and gives."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class Invite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to invite as what. `role_ids` may hold only roles whose rights the inviter has."""

    email: str
    name: str = ""
    role_ids: list[UUID] = []
    team_id: UUID | None = None
    locale: str = ""


class InvitationOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An invitation. `link` only in the answer that made it, and only when no mail is set up to bring it."""

    id: UUID
    email: str
    name: str
    role_ids: list[UUID]
    team_id: UUID | None
    created_at: datetime
    expires_at: datetime
    mailed_at: datetime | None
    link: str = ""
