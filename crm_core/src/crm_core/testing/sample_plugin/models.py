"""Tables of the sample plugin: visits, topics to choose from, and its fields on companies."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from crm_core.plugin.models import Id, Record, Stamp, folded, foreign, package_registry


class Base(DeclarativeBase):
    """The base of this plugin's models."""

    registry = package_registry()


class Visit(Record, Base):
    """One visit of ours at a customer's."""

    __tablename__ = "sample_visit"
    __table_args__ = (
        sa.Index("ix_sample_visit_visited_on_id", "visited_on", "id"),
        sa.Index("ix_sample_visit_number_f_id", "number_f", "id"),
    )

    number: Mapped[str | None] = mapped_column(sa.String(80), default=None)
    number_f: Mapped[str] = folded("number", 80)
    subject: Mapped[str] = mapped_column(sa.String(255))
    subject_f: Mapped[str] = folded("subject")
    company_id: Mapped[UUID | None] = foreign("core_company.id", default=None)
    contact_id: Mapped[UUID | None] = foreign("core_contact.id", default=None)
    visited_on: Mapped[date] = mapped_column(sa.Date)
    minutes: Mapped[int | None] = mapped_column(sa.Integer, default=None)
    outcome: Mapped[str] = mapped_column(sa.String(20), default="planned")
    notes: Mapped[str | None] = mapped_column(sa.Text, default=None)
    report_id: Mapped[UUID | None] = mapped_column(Id(), default=None)


class Topic(Stamp, Base):
    """What visits are usually about; offered when one is written down."""

    __tablename__ = "sample_topic"

    name: Mapped[str] = mapped_column(sa.String(100), unique=True, info={"erase": "words"})
    position: Mapped[int] = mapped_column(sa.Integer, default=0)


class CompanyVisits(Base):
    """The plugin's side table: what it stores about a company."""

    __tablename__ = "sample_company"

    record_id: Mapped[UUID] = foreign(
        "core_company.id", on_delete="CASCADE", nullable=False, index=False, primary_key=True
    )
    sample_every_days: Mapped[int | None] = mapped_column(sa.Integer, default=None)
    sample_last_visit_on: Mapped[date | None] = mapped_column(sa.Date, default=None)
    sample_next_visit_id: Mapped[UUID | None] = foreign("sample_visit.id", default=None)
    sample_route: Mapped[str | None] = mapped_column(sa.String(100), default=None)
    sample_route_f: Mapped[str] = folded("sample_route", 100)
    sample_rhythm: Mapped[str | None] = mapped_column(sa.String(20), default=None)
