"""Who was invited as what, and what became of it. The link itself is a public link about the row."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.auth.people import EMAIL
from crm_core.db.model import Model, Stamp, folded, foreign
from crm_core.db.types import Json, UTCDateTime


class Invitation(Stamp, Model):
    """One invitation. It is open until accepted, revoked or expired. role_ids: ids as text."""

    __tablename__ = "core_invitation"

    email: Mapped[str] = mapped_column(sa.String(EMAIL))
    email_f: Mapped[str] = folded("email", EMAIL)
    name: Mapped[str] = mapped_column(sa.String(255), default="")
    role_ids: Mapped[list[Any]] = mapped_column(Json(), default=list)
    team_id: Mapped[UUID | None] = foreign("core_team.id", index=False)
    locale: Mapped[str] = mapped_column(sa.String(16), default="en")
    invited_by: Mapped[UUID | None] = foreign("core_user.id", index=False)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime(), index=True)
    mailed_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    accepted_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    user_id: Mapped[UUID | None] = foreign("core_user.id", index=False)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)

    __table_args__ = (sa.Index(None, "email_f"),)
