"""Pairs of records that may be the same, and pairs of which somebody said that they are not."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Stamp
from crm_core.db.types import ENTITY_NAME, Id


class Duplicate(Stamp, Model):
    """Two records that may be the same, found by the nightly search. first_id is the smaller key.

    score: 0 to 100. reasons: see `Reason`.
    """

    __tablename__ = "core_duplicate"
    __table_args__ = (
        sa.UniqueConstraint("entity", "first_id", "second_id"),
        sa.Index("ix_core_duplicate_entity_score", "entity", "score"),
    )

    entity: Mapped[str] = mapped_column(ENTITY_NAME)
    first_id: Mapped[UUID] = mapped_column(Id())
    second_id: Mapped[UUID] = mapped_column(Id())
    score: Mapped[int] = mapped_column(sa.Integer)
    reasons: Mapped[list[Any]] = mapped_column(default=list)


class NotDuplicate(Stamp, Model):
    """Two records of which somebody said that they are not the same. first_id is the smaller key."""

    __tablename__ = "core_not_duplicate"
    __table_args__ = (sa.UniqueConstraint("entity", "first_id", "second_id"),)

    entity: Mapped[str] = mapped_column(ENTITY_NAME)
    first_id: Mapped[UUID] = mapped_column(Id())
    second_id: Mapped[UUID] = mapped_column(Id())
    by_id: Mapped[UUID | None] = mapped_column(Id(), default=None)
