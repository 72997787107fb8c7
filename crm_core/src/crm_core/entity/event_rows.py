"""Tables of the event log: a slim row, its payload, references for timelines, positions for sinks."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model
from crm_core.db.types import ENTITY_NAME, Id, Json, UTCDateTime


class EventRow(Model):
    """One thing that happened. `cause` groups all events of one transaction or one larger undertaking."""

    __tablename__ = "core_event"

    id: Mapped[UUID] = mapped_column(Id(), primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime(), nullable=False)
    type: Mapped[str] = mapped_column(sa.String(128), nullable=False)
    v: Mapped[int] = mapped_column(sa.SmallInteger, nullable=False, default=1)
    entity: Mapped[str | None] = mapped_column(ENTITY_NAME)
    record_id: Mapped[UUID | None] = mapped_column(Id())
    actor: Mapped[str] = mapped_column(sa.String(128), nullable=False)
    cause: Mapped[UUID] = mapped_column(Id(), nullable=False, index=True)
    __table_args__ = (sa.Index("ix_core_event_record", "entity", "record_id", "id"),)


class EventData(Model):
    """The payload: {"before": …, "after": …} of a record event, the struct's fields of any other."""

    __tablename__ = "core_event_data"

    event_id: Mapped[UUID] = mapped_column(Id(), sa.ForeignKey("core_event.id", ondelete="CASCADE"), primary_key=True)
    payload: Mapped[dict[str, Any]] = mapped_column(Json(), nullable=False)


class EventRef(Model):
    """A record on whose timeline the event appears; key order is the order of reading."""

    __tablename__ = "core_event_ref"

    entity: Mapped[str] = mapped_column(ENTITY_NAME, primary_key=True)
    record_id: Mapped[UUID] = mapped_column(Id(), primary_key=True)
    event_id: Mapped[UUID] = mapped_column(Id(), primary_key=True)
    __table_args__ = (
        sa.ForeignKeyConstraint(["event_id"], ["core_event.id"], ondelete="CASCADE"),
        {"sqlite_with_rowid": False},
    )


class EventText(Model):
    """A text too long for a payload, kept once by its hash."""

    __tablename__ = "core_event_text"

    hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    text: Mapped[str] = mapped_column(sa.Text, nullable=False)


class EventPosition(Model):
    """The number the dispatcher gave a committed event; sinks read by it, never by id."""

    __tablename__ = "core_event_position"

    position: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    event_id: Mapped[UUID] = mapped_column(
        Id(), sa.ForeignKey("core_event.id", ondelete="CASCADE"), nullable=False, unique=True
    )
