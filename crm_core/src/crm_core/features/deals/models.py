"""The tables of deals, their contacts, roles and lost reasons; stages are in `crm_core.entity.stages`."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Record, folded, foreign
from crm_core.db.types import Amount, Id, Ratio, UTCDateTime, new_id


class Deal(Record, Model):
    """An opportunity to sell; its stage moves through `move_stage()` only."""

    __tablename__ = "core_deal"
    __table_args__ = (
        sa.Index("ix_core_deal_name_f_id", "name_f", "id"),
        sa.Index("ix_core_deal_stage_id_amount_base", "stage_id", "amount_base", "id"),
        sa.Index("ix_core_deal_team_id_stage_id", "team_id", "stage_id"),
        sa.Index("ix_core_deal_closed_on", "closed_on"),
        sa.Index("ix_core_deal_expected_close_on", "expected_close_on"),
    )

    name: Mapped[str] = mapped_column(sa.String(255))
    name_f: Mapped[str] = folded("name")
    company_id: Mapped[UUID | None] = foreign("core_company.id", default=None)
    contact_id: Mapped[UUID | None] = foreign("core_contact.id", default=None)
    pipeline_id: Mapped[UUID] = foreign("core_pipeline.id", on_delete="RESTRICT", nullable=False)
    stage_id: Mapped[UUID] = foreign("core_stage.id", on_delete="RESTRICT", nullable=False)
    stage_entered_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    amount: Mapped[Decimal | None] = mapped_column(Amount(), default=None)
    amount_currency: Mapped[str | None] = mapped_column(sa.String(3), default=None)
    amount_base: Mapped[Decimal | None] = mapped_column(Amount(), default=None)
    amount_rate: Mapped[Decimal | None] = mapped_column(Ratio(), default=None)
    amount_rate_on: Mapped[date | None] = mapped_column(sa.Date, default=None)
    probability: Mapped[Decimal | None] = mapped_column(Ratio(), default=None)
    engaged_on: Mapped[date | None] = mapped_column(sa.Date, default=None)
    expected_close_on: Mapped[date | None] = mapped_column(sa.Date, default=None)
    closed_on: Mapped[date | None] = mapped_column(sa.Date, default=None)
    product: Mapped[str | None] = mapped_column(sa.String(100), default=None)
    product_f: Mapped[str] = folded("product", 100)
    reference: Mapped[str | None] = mapped_column(sa.String(60), default=None)
    reference_f: Mapped[str] = folded("reference", 60)
    lost_reason_id: Mapped[UUID | None] = foreign("core_lost_reason.id", default=None)
    lost_reason: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    description: Mapped[str | None] = mapped_column(sa.Text, default=None)
    last_activity_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    next_activity_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)


class DealContact(Model):
    """A person who has a say in a deal, and in which role.

    Kept in step with `Deal.contact_id`: that is the contact of the row with `is_primary`, of which there is at
    most one.
    """

    __tablename__ = "core_deal_contact"

    id: Mapped[UUID] = mapped_column(Id(), primary_key=True, default=new_id)
    deal_id: Mapped[UUID] = foreign("core_deal.id", on_delete="CASCADE", nullable=False)
    position: Mapped[int] = mapped_column(sa.Integer, default=0)
    contact_id: Mapped[UUID] = foreign("core_contact.id", on_delete="CASCADE", nullable=False)
    role_id: Mapped[UUID | None] = foreign("core_deal_role.id", default=None)
    is_primary: Mapped[bool] = mapped_column(sa.Boolean, default=False)


class DealRole(Record, Model):
    """What somebody is in a deal: decision maker, user, … An archived one is no longer offered."""

    __tablename__ = "core_deal_role"

    name: Mapped[str] = mapped_column(sa.String(100))
    name_f: Mapped[str] = folded("name", 100)
    position: Mapped[int] = mapped_column(sa.Integer, default=0)
    is_archived: Mapped[bool] = mapped_column(sa.Boolean, default=False)


class LostReason(Record, Model):
    """Why deals are lost. An archived one is no longer offered; deals that have it keep it."""

    __tablename__ = "core_lost_reason"

    name: Mapped[str] = mapped_column(sa.String(100))
    name_f: Mapped[str] = folded("name", 100)
    position: Mapped[int] = mapped_column(sa.Integer, default=0)
    is_archived: Mapped[bool] = mapped_column(sa.Boolean, default=False)
