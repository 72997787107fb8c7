"""The table of files; their bytes lie in the blob store under their hash."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Record, folded
from crm_core.db.types import ENTITY_NAME, Id


class File(Record, Model):
    """One upload. `size` in bytes, `sha256` in hex; `media_type` was told from the bytes, never from the sender."""

    __tablename__ = "core_file"
    __table_args__ = (
        sa.Index("ix_core_file_parent", "parent_entity", "parent_id", "id"),
        sa.Index("ix_core_file_sha256", "sha256"),
    )

    name: Mapped[str] = mapped_column(sa.String(255))
    name_f: Mapped[str] = folded("name")
    media_type: Mapped[str] = mapped_column(sa.String(127))
    size: Mapped[int] = mapped_column(sa.BigInteger)
    sha256: Mapped[str] = mapped_column(sa.String(64))
    parent_entity: Mapped[str | None] = mapped_column(ENTITY_NAME, default=None)
    parent_id: Mapped[UUID | None] = mapped_column(Id(), default=None)
    parent_owner_id: Mapped[UUID | None] = mapped_column(Id(), index=True, default=None)
    parent_team_id: Mapped[UUID | None] = mapped_column(Id(), index=True, default=None)
