"""Webhooks, and the log of what was sent to them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Record, Stamp, folded, foreign
from crm_core.db.types import ENTITY_NAME, Id, UTCDateTime

PURPOSE = "core.webhook.secret"


class Webhook(Record, Model):
    """An address that hears of events. events: names and patterns, one a line; filter: JSON of the filter language.

    secret: sealed; old_secret signs beside it until old_secret_until. failures: in a row since failing_since;
    retry_at: nothing is sent before. stopped: why it was switched off by itself, "" if a person did.
    """

    __tablename__ = "core_webhook"

    name: Mapped[str] = mapped_column(sa.String(100))
    name_f: Mapped[str] = folded("name")
    url: Mapped[str] = mapped_column(sa.String(2000))
    events: Mapped[str] = mapped_column(sa.Text)
    filter: Mapped[str | None] = mapped_column(sa.Text, default=None)
    is_active: Mapped[bool] = mapped_column(sa.Boolean, default=True)
    secret: Mapped[str] = mapped_column(sa.Text, default="", info={"sealed": PURPOSE, "secret": True})
    old_secret: Mapped[str | None] = mapped_column(sa.Text, default=None, info={"sealed": PURPOSE, "secret": True})
    old_secret_until: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    failures: Mapped[int] = mapped_column(sa.Integer, default=0)
    failing_since: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    retry_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    stopped: Mapped[str] = mapped_column(sa.String(255), default="")


class WebhookDelivery(Stamp, Model):
    """One event on its way to one webhook. state: waiting, delivered, failed, skipped (nothing its owner may read).

    message_id: what receivers tell copies by; the same for each try and replay. replay_of: the delivery sent again.
    """

    __tablename__ = "core_webhook_delivery"
    __table_args__ = (
        sa.Index("ix_core_webhook_delivery_webhook_id_id", "webhook_id", "id"),
        sa.Index("ix_core_webhook_delivery_created_at", "created_at"),
        sa.Index(
            "uq_core_webhook_delivery_event", "webhook_id", "event_id", unique=True,
            sqlite_where=sa.text("replay_of is null"), postgresql_where=sa.text("replay_of is null"),
        ),
    )  # fmt: skip

    webhook_id: Mapped[UUID] = foreign("core_webhook.id", on_delete="CASCADE", index=False, nullable=False)
    event_id: Mapped[UUID | None] = mapped_column(Id(), default=None)
    message_id: Mapped[str] = mapped_column(sa.String(64))
    type: Mapped[str] = mapped_column(sa.String(128))
    entity: Mapped[str | None] = mapped_column(ENTITY_NAME, default=None)
    record_id: Mapped[UUID | None] = mapped_column(Id(), default=None)
    state: Mapped[str] = mapped_column(sa.String(16), default="waiting")
    attempts: Mapped[int] = mapped_column(sa.Integer, default=0)
    status: Mapped[int | None] = mapped_column(sa.Integer, default=None)
    response: Mapped[str] = mapped_column(sa.Text, default="")
    error: Mapped[str] = mapped_column(sa.Text, default="")
    duration_ms: Mapped[int | None] = mapped_column(sa.Integer, default=None)
    tried_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    due_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    replay_of: Mapped[UUID | None] = mapped_column(Id(), default=None)
