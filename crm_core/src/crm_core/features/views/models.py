"""Saved views of lists."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Stamp, foreign
from crm_core.db.types import ENTITY_NAME, UTCDateTime, utcnow


class SavedView(Stamp, Model):
    """A list's state under a name. share: "private", "team" or "everyone".

    A view of a team (`team_id`) is seen by its members and those of the teams above.

    state: q, sort, group, columns, filters (as in the address of a list) and filter (as in the API); names of fields
    that are unknown today stay in it.
    """

    __tablename__ = "core_view"
    __table_args__ = (sa.Index("ix_core_view_entity", "entity", "share"),)

    name: Mapped[str] = mapped_column(sa.String(100))
    entity: Mapped[str] = mapped_column(ENTITY_NAME)
    owner_id: Mapped[UUID] = foreign("core_user.id", on_delete="CASCADE", nullable=False)
    team_id: Mapped[UUID | None] = foreign("core_team.id", on_delete="SET NULL")
    share: Mapped[str] = mapped_column(sa.String(8), default="private")
    state: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime(), default=utcnow)
