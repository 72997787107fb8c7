"""Receipts of erasures: that somebody was erased, when and by whom, and nothing about the person."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Stamp
from crm_core.db.types import ENTITY_NAME, Id, UTCDateTime

SEALED = "core.privacy.erasure"


class Erasure(Stamp, Model):
    """One person's erasure.

    sealed: what still has to be erased, under our key; emptied at the end. counts: rows by table. kept: what stayed,
    by kind, with the reason.
    """

    __tablename__ = "core_erasure"
    __table_args__ = (sa.Index("ix_core_erasure_record", "entity", "record_id"),)

    entity: Mapped[str] = mapped_column(ENTITY_NAME)
    record_id: Mapped[UUID] = mapped_column(Id())
    reason: Mapped[str] = mapped_column(sa.String(500), default="")
    by_id: Mapped[UUID | None] = mapped_column(Id(), default=None)
    sealed: Mapped[str | None] = mapped_column(sa.Text, default=None, info={"sealed": SEALED})
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    kept: Mapped[dict[str, Any]] = mapped_column(default=dict)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
