"""The ledger of outgoing mail and the list of suppressed addresses."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Record, Stamp, folded, foreign
from crm_core.db.types import Id, Json, UTCDateTime


class MailRow(Stamp, Model):
    """One mail to one address, from the wish to send it to its known or unknown end.

    state: queued, sending (the server may have it), sent, ambiguous (nobody knows), failed, suppressed,
    caught. secret_body: sealed text and HTML of a mail of kind "security", emptied once it was sent.
    claim: the attempt that may close a row in state `sending`. due_at: when it is tried (again).
    """

    __tablename__ = "core_mail"
    __table_args__ = (
        sa.Index("ix_core_mail_state_id", "state", "id"),
        sa.Index("ix_core_mail_recipient_f_id", "recipient_f", "id"),
        sa.Index("ix_core_mail_created_at", "created_at"),
    )

    state: Mapped[str] = mapped_column(sa.String(16), default="queued")
    kind: Mapped[str] = mapped_column(sa.String(16))
    purpose: Mapped[str] = mapped_column(sa.String(64))
    recipient: Mapped[str] = mapped_column(sa.String(254))
    recipient_f: Mapped[str] = folded("recipient")
    reply_to: Mapped[str] = mapped_column(sa.String(254), default="")
    subject: Mapped[str] = mapped_column(sa.String(500))
    text: Mapped[str] = mapped_column(sa.Text, default="")
    html: Mapped[str] = mapped_column(sa.Text, default="")
    secret_body: Mapped[str | None] = mapped_column(sa.Text, default=None, info={"sealed": "core.mail.body"})
    headers: Mapped[dict[str, Any]] = mapped_column(Json(), default=dict)
    about: Mapped[list[Any]] = mapped_column(Json(), default=list)
    locale: Mapped[str] = mapped_column(sa.String(16), default="en")
    message_id: Mapped[str] = mapped_column(sa.String(255), unique=True)
    transport: Mapped[str] = mapped_column(sa.String(64), default="")
    claim: Mapped[UUID | None] = mapped_column(Id(), default=None)
    attempts: Mapped[int] = mapped_column(sa.Integer, default=0)
    error: Mapped[str] = mapped_column(sa.Text, default="")
    notice: Mapped[str] = mapped_column(sa.String(255), default="")
    actor: Mapped[str] = mapped_column(sa.String(128))
    user_id: Mapped[UUID | None] = mapped_column(Id(), default=None)
    due_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)


class MailFile(Stamp, Model):
    """An attachment: where its bytes lie in the blob store, and what the recipient is told about them."""

    __tablename__ = "core_mail_file"

    mail_id: Mapped[UUID] = foreign("core_mail.id", on_delete="CASCADE", nullable=False)
    position: Mapped[int] = mapped_column(sa.Integer, default=0)
    name: Mapped[str] = mapped_column(sa.String(255))
    media_type: Mapped[str] = mapped_column(sa.String(127))
    size: Mapped[int] = mapped_column(sa.BigInteger)
    sha256: Mapped[str] = mapped_column(sa.String(64), index=True, info={"blob": True})


class Suppression(Record, Model):
    """An address that gets no mail of some kinds. reason: unsubscribe, bounce, complaint."""

    __tablename__ = "core_suppression"
    __table_args__ = (
        sa.Index(
            "uq_core_suppression_address_f_reason",
            "address_f",
            "reason",
            unique=True,
            sqlite_where=sa.text("deleted_at is null"),
            postgresql_where=sa.text("deleted_at is null"),
        ),
    )

    address: Mapped[str] = mapped_column(sa.String(254))
    address_f: Mapped[str] = folded("address")
    reason: Mapped[str] = mapped_column(sa.String(16))
    source: Mapped[str] = mapped_column(sa.String(255), default="")
    mail_id: Mapped[UUID | None] = mapped_column(Id(), default=None)


class MailServer(Stamp, Model):
    """How mail leaves: one row, or none while nothing is set up. `password` is sealed."""

    __tablename__ = "core_mail_server"

    transport: Mapped[str] = mapped_column(sa.String(64), default="")
    host: Mapped[str] = mapped_column(sa.String(255), default="")
    port: Mapped[int] = mapped_column(sa.Integer, default=587)
    security: Mapped[str] = mapped_column(sa.String(16), default="starttls")
    user: Mapped[str] = mapped_column(sa.String(255), default="")
    password: Mapped[str] = mapped_column(sa.Text, default="", info={"sealed": "core.mail.password"})
    sender_address: Mapped[str] = mapped_column(sa.String(254), default="")
    sender_name: Mapped[str] = mapped_column(sa.String(100), default="")
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime())
