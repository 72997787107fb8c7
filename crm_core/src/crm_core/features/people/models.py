"""The index of what records are recognised by."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model
from crm_core.db.types import ENTITY_NAME, Id

LENGTH = 255


class MatchKey(Model):
    """One thing by which a record is recognised.

    kind: "email", "phone", "domain", or "name" (a block of similar names, for duplicates only). folded: the
    value in the one form in which it is compared. Written in the record's transaction; derived, so that it can
    be made anew at any time.
    """

    __tablename__ = "core_match_key"
    __table_args__ = (sa.Index("ix_core_match_key_folded_entity", "folded", "entity"),)

    entity: Mapped[str] = mapped_column(ENTITY_NAME, primary_key=True)
    record_id: Mapped[UUID] = mapped_column(Id(), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(10), primary_key=True)
    folded: Mapped[str] = mapped_column(
        sa.String(LENGTH).with_variant(sa.String(LENGTH, collation="C"), "postgresql"), primary_key=True
    )
