"""The tables of companies and their domains."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Record, folded, foreign
from crm_core.db.types import Amount, Id, Ratio, UTCDateTime, new_id


class Company(Record, Model):
    """An organisation we do business with; `parent_id` is the company that owns it."""

    __tablename__ = "core_company"
    __table_args__ = (
        sa.Index("ix_core_company_name_f_id", "name_f", "id"),
        sa.Index("ix_core_company_team_id_name_f", "team_id", "name_f", "id"),
        sa.Index("ix_core_company_owner_id_name_f", "owner_id", "name_f", "id"),
        sa.Index("ix_core_company_domain_f", "domain_f"),
    )

    name: Mapped[str] = mapped_column(sa.String(255))
    name_f: Mapped[str] = folded("name")
    domain: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    domain_f: Mapped[str] = folded("domain")
    parent_id: Mapped[UUID | None] = foreign("core_company.id", default=None)
    industry: Mapped[str | None] = mapped_column(sa.String(40), default=None)
    revenue: Mapped[Decimal | None] = mapped_column(Amount(), default=None)
    revenue_currency: Mapped[str | None] = mapped_column(sa.String(3), default=None)
    revenue_base: Mapped[Decimal | None] = mapped_column(Amount(), default=None)
    revenue_rate: Mapped[Decimal | None] = mapped_column(Ratio(), default=None)
    revenue_rate_on: Mapped[date | None] = mapped_column(sa.Date, default=None)
    employees: Mapped[int | None] = mapped_column(sa.Integer, default=None)
    founded: Mapped[int | None] = mapped_column(sa.Integer, default=None)
    website: Mapped[str | None] = mapped_column(sa.String(2000), default=None)
    phone: Mapped[str | None] = mapped_column(sa.String(60), default=None)
    street: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    postcode: Mapped[str | None] = mapped_column(sa.String(20), default=None)
    city: Mapped[str | None] = mapped_column(sa.String(100), default=None)
    city_f: Mapped[str] = folded("city", 100)
    country: Mapped[str | None] = mapped_column(sa.String(100), default=None)
    country_f: Mapped[str] = folded("country", 100)
    description: Mapped[str | None] = mapped_column(sa.Text, default=None)
    last_activity_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    next_activity_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)


class CompanyDomain(Model):
    """A domain a company writes from or has its site at; the first is kept in step with `Company.domain`.

    `domain_f` is what others look up: lower case, without "www.". Several companies may share a domain; that is
    shown, not refused.
    """

    __tablename__ = "core_company_domain"
    __table_args__ = (sa.Index("ix_core_company_domain_domain_f", "domain_f"),)

    id: Mapped[UUID] = mapped_column(Id(), primary_key=True, default=new_id)
    company_id: Mapped[UUID] = foreign("core_company.id", on_delete="CASCADE", nullable=False)
    position: Mapped[int] = mapped_column(sa.Integer, default=0)
    domain: Mapped[str] = mapped_column(sa.String(255))
    domain_f: Mapped[str] = folded("domain")
