"""The table of comments."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Record
from crm_core.db.types import ENTITY_NAME, Id


class Comment(Record, Model):
    """A remark on a record, by its owner; visible to whoever sees that record's owner and team rows.

    body names people as `@[Name](user:<id>)`; summary is its beginning as a person reads it.
    """

    __tablename__ = "core_comment"
    __table_args__ = (sa.Index("ix_core_comment_parent", "parent_entity", "parent_id", "id"),)

    body: Mapped[str] = mapped_column(sa.Text)
    summary: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    parent_entity: Mapped[str] = mapped_column(ENTITY_NAME)
    parent_id: Mapped[UUID] = mapped_column(Id())
    parent_owner_id: Mapped[UUID | None] = mapped_column(Id(), index=True, default=None)
    parent_team_id: Mapped[UUID | None] = mapped_column(Id(), index=True, default=None)
