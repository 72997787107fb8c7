"""The ledger of merges: what was changed and moved, so that it can be put back."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Stamp, foreign
from crm_core.db.types import ENTITY_NAME, Id, UTCDateTime, new_id


class Merge(Stamp, Model):
    """Records merged into one, or (kind "handed") rows handed from one record to another.

    cause: what undoes it. losers: ids as text. before, after: what differs on the winner, by API key and column.
    told_both: events about both that were on the winner's timeline before, as text.
    """

    __tablename__ = "core_merge"
    __table_args__ = (sa.Index("ix_core_merge_entity_winner_id", "entity", "winner_id"),)

    cause: Mapped[UUID] = mapped_column(Id(), index=True)
    kind: Mapped[str] = mapped_column(sa.String(10), default="merge")
    entity: Mapped[str] = mapped_column(ENTITY_NAME)
    winner_id: Mapped[UUID] = mapped_column(Id())
    losers: Mapped[list[Any]] = mapped_column(default=list)
    before: Mapped[dict[str, Any]] = mapped_column(default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(default=dict)
    told_both: Mapped[list[Any] | None] = mapped_column(default=None)
    by_id: Mapped[UUID | None] = mapped_column(Id(), default=None)
    undone_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)


class Move(Model):
    """One row that a merge moved to the winner, or took away because the winner had its like.

    key: the row's primary key. before, after: the columns that changed; a row taken away is whole in `before`.
    """

    __tablename__ = "core_move"

    id: Mapped[UUID] = mapped_column(Id(), primary_key=True, default=new_id)
    merge_id: Mapped[UUID] = foreign("core_merge.id", on_delete="CASCADE", nullable=False)
    table_name: Mapped[str] = mapped_column(sa.String(64))
    key: Mapped[dict[str, Any]] = mapped_column()
    before: Mapped[dict[str, Any]] = mapped_column()
    after: Mapped[dict[str, Any]] = mapped_column(default=dict)
    taken: Mapped[bool] = mapped_column(sa.Boolean, default=False)
