"""The table of notifications."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Stamp, foreign
from crm_core.db.types import ENTITY_NAME, Id, UTCDateTime

OPEN = sa.text("delivered_at is null")
UNREAD = sa.text("read_at is null")
UNMAILED = sa.text("channel = 'digest' and mailed_at is null")


class Notification(Stamp, Model):
    """What one user hears of one event.

    event: key of what happened; with the user it is unique, so one person hears of one event once. message: a text
    of a catalogue with its parameters, translated for the reader. note: an excerpt, shown only to those who may
    read the record. Until `delivered_at` it waits for the look at the reader's rights and wishes; channel is what
    they chose ("app", "mail", "digest"). late: it was due while the CRM was down.
    """

    __tablename__ = "core_notification"
    __table_args__ = (
        sa.UniqueConstraint("user_id", "event"),
        sa.Index("ix_core_notification_user_id_id", "user_id", "id"),
        sa.Index("ix_core_notification_unread", "user_id", sqlite_where=UNREAD, postgresql_where=UNREAD),
        sa.Index("ix_core_notification_open", "cause", sqlite_where=OPEN, postgresql_where=OPEN),
        sa.Index("ix_core_notification_digest", "user_id", "delivered_at", sqlite_where=UNMAILED,
                 postgresql_where=UNMAILED),
        sa.Index("ix_core_notification_about", "entity", "record_id"),
    )  # fmt: skip

    user_id: Mapped[UUID] = foreign("core_user.id", on_delete="CASCADE", nullable=False, index=False)
    event: Mapped[str] = mapped_column(sa.String(255))
    cause: Mapped[UUID] = mapped_column(Id())
    kind: Mapped[str] = mapped_column(sa.String(128))
    strength: Mapped[int] = mapped_column(sa.Integer)
    entity: Mapped[str | None] = mapped_column(ENTITY_NAME, default=None)
    record_id: Mapped[UUID | None] = mapped_column(Id(), default=None)
    path: Mapped[str] = mapped_column(sa.String(500), default="")
    message: Mapped[dict[str, Any]]
    note: Mapped[str] = mapped_column(sa.Text, default="")
    by_id: Mapped[UUID | None] = mapped_column(Id(), default=None)
    late: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    channel: Mapped[str] = mapped_column(sa.String(8), default="")
    delivered_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    read_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    mailed_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
