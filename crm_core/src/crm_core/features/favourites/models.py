"""Records that a user has starred."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Stamp, foreign
from crm_core.db.types import ENTITY_NAME, Id


class Favourite(Stamp, Model):
    """A star on a record; the user's own, nobody else sees it."""

    __tablename__ = "core_favourite"
    __table_args__ = (sa.UniqueConstraint("user_id", "entity", "record_id"),)

    user_id: Mapped[UUID] = foreign("core_user.id", on_delete="CASCADE", nullable=False, index=False)
    entity: Mapped[str] = mapped_column(ENTITY_NAME)
    record_id: Mapped[UUID] = mapped_column(Id())
