"""Requests for approval, their steps, and the people asked in each step."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Stamp, foreign
from crm_core.db.types import ENTITY_NAME, Id, Json, UTCDateTime

OPEN_PURPOSE = sa.text("state = 'waiting' and purpose <> ''")


class Approval(Stamp, Model):
    """One request on one record.

    purpose: what the approval permits ("core.deal.win"). fields: names of the record's fields the request is about;
    payload_hash: of their values when it was asked. stale_at: when the record was seen to differ from that.
    turn: raised by every decision, so that of two at once one waits for the other.
    """

    __tablename__ = "core_approval"
    __table_args__ = (
        sa.Index("ix_core_approval_record", "entity", "record_id", "purpose"),
        sa.Index("ix_core_approval_state_expires_at", "state", "expires_at"),
        sa.Index(
            "uq_core_approval_waiting", "entity", "record_id", "purpose", unique=True,
            sqlite_where=OPEN_PURPOSE, postgresql_where=OPEN_PURPOSE,
        ),
    )  # fmt: skip

    entity: Mapped[str] = mapped_column(ENTITY_NAME)
    record_id: Mapped[UUID] = mapped_column(Id())
    purpose: Mapped[str] = mapped_column(sa.String(64), default="")
    title: Mapped[str] = mapped_column(sa.String(255))
    reason: Mapped[str] = mapped_column(sa.Text, default="")
    requested_by: Mapped[UUID | None] = foreign("core_user.id", default=None)
    in_order: Mapped[bool] = mapped_column(sa.Boolean, default=True)
    state: Mapped[str] = mapped_column(sa.String(16), default="waiting")
    note: Mapped[str] = mapped_column(sa.String(255), default="")
    fields: Mapped[list[Any]] = mapped_column(Json(), default=list)
    payload_hash: Mapped[str] = mapped_column(sa.String(64), default="")
    stale_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    closed_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    turn: Mapped[int] = mapped_column(sa.Integer, default=0)


class ApprovalStep(Stamp, Model):
    """One step. needed: how many have to approve, 0 for everybody who is asked. asks: who, "user:<id>" and so on."""

    __tablename__ = "core_approval_step"

    approval_id: Mapped[UUID] = foreign("core_approval.id", on_delete="CASCADE", nullable=False)
    position: Mapped[int] = mapped_column(sa.Integer)
    needed: Mapped[int] = mapped_column(sa.Integer, default=0)
    asks: Mapped[list[Any]] = mapped_column(Json(), default=list)
    state: Mapped[str] = mapped_column(sa.String(16), default="pending")


class Approver(Stamp, Model):
    """One person asked in one step. via: how they came in ("user", "team", "role"); skipped: why nobody asks them.

    deputy_id: who may decide in their place while they are away. decided_by: who did.
    """

    __tablename__ = "core_approver"
    __table_args__ = (
        sa.UniqueConstraint("step_id", "user_id"),
        sa.Index("ix_core_approver_user_id_state", "user_id", "state"),
        sa.Index("ix_core_approver_deputy_id_state", "deputy_id", "state"),
    )

    approval_id: Mapped[UUID] = foreign("core_approval.id", on_delete="CASCADE", nullable=False)
    step_id: Mapped[UUID] = foreign("core_approval_step.id", on_delete="CASCADE", nullable=False, index=False)
    user_id: Mapped[UUID] = foreign("core_user.id", on_delete="CASCADE", nullable=False, index=False)
    via: Mapped[str] = mapped_column(sa.String(16), default="user")
    deputy_id: Mapped[UUID | None] = foreign("core_user.id", index=False, default=None)
    state: Mapped[str] = mapped_column(sa.String(16), default="waiting")
    skipped: Mapped[str] = mapped_column(sa.String(32), default="")
    comment: Mapped[str] = mapped_column(sa.Text, default="")
    decided_by: Mapped[UUID | None] = foreign("core_user.id", index=False, default=None)
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    channel: Mapped[str] = mapped_column(sa.String(16), default="")
