"""The table of reminders."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Stamp, foreign
from crm_core.db.types import ENTITY_NAME, UTCDateTime

WAITING = sa.text("done_at is null")


class Reminder(Stamp, Model):
    """One person is reminded of one record at one instant.

    source: who asked for it ("core.activity", "core.own", "calendar.event"); two sources that ask for the same
    instant are two rows and one notification. due_at: when the item itself begins or is due. done_at: it was told,
    or there was nobody to tell; the row stays, so that the same instant never comes again.
    """

    __tablename__ = "core_reminder"
    __table_args__ = (
        sa.UniqueConstraint("user_id", "entity", "record_id", "at", "source"),
        sa.Index("ix_core_reminder_waiting", "at", sqlite_where=WAITING, postgresql_where=WAITING),
        sa.Index("ix_core_reminder_about", "entity", "record_id"),
    )

    user_id: Mapped[UUID] = foreign("core_user.id", on_delete="CASCADE", nullable=False, index=False)
    entity: Mapped[str] = mapped_column(ENTITY_NAME)
    record_id: Mapped[UUID]
    source: Mapped[str] = mapped_column(sa.String(64))
    at: Mapped[datetime] = mapped_column(UTCDateTime())
    due_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    note: Mapped[str] = mapped_column(sa.String(255), default="")
    done_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
