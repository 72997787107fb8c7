"""The table of leads."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Record, folded, foreign
from crm_core.db.types import UTCDateTime


class Lead(Record, Model):
    """Someone who may become a customer, before there is a contact and a deal."""

    __tablename__ = "core_lead"
    __table_args__ = (
        sa.Index("ix_core_lead_name_f_id", "name_f", "id"),
        sa.Index("ix_core_lead_email_f", "email_f"),
        sa.Index("ix_core_lead_status", "status"),
    )

    name: Mapped[str] = mapped_column(sa.String(255))
    name_f: Mapped[str] = folded("name")
    company_name: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    company_name_f: Mapped[str] = folded("company_name")
    job_title: Mapped[str | None] = mapped_column(sa.String(150), default=None)
    email: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    email_f: Mapped[str] = folded("email")
    phone: Mapped[str | None] = mapped_column(sa.String(60), default=None)
    status: Mapped[str] = mapped_column(sa.String(20), default="new")
    source: Mapped[str | None] = mapped_column(sa.String(20), default=None)
    country: Mapped[str | None] = mapped_column(sa.String(100), default=None)
    description: Mapped[str | None] = mapped_column(sa.Text, default=None)
    company_id: Mapped[UUID | None] = foreign("core_company.id", default=None)
    contact_id: Mapped[UUID | None] = foreign("core_contact.id", default=None)
    deal_id: Mapped[UUID | None] = foreign("core_deal.id", default=None)
    converted_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    last_activity_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    next_activity_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
