"""Who follows which record."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Stamp, foreign
from crm_core.db.types import ENTITY_NAME, Id


class Follow(Stamp, Model):
    """A user follows a record, or (`is_muted`) wants to hear nothing of it although they own or made it.

    reason: "chosen", "created", "commented". Owners follow without a row, as their settings say.
    """

    __tablename__ = "core_follow"
    __table_args__ = (sa.UniqueConstraint("entity", "record_id", "user_id"),)

    user_id: Mapped[UUID] = foreign("core_user.id", on_delete="CASCADE", nullable=False)
    entity: Mapped[str] = mapped_column(ENTITY_NAME)
    record_id: Mapped[UUID] = mapped_column(Id())
    is_muted: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    reason: Mapped[str] = mapped_column(sa.String(16), default="chosen")
