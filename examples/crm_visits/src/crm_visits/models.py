"""The table of visits."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from crm_core.plugin.models import Record, folded, foreign, package_registry
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The base of this plugin's models."""

    registry = package_registry()


class Visit(Record, Base):
    """One visit of ours at a customer's."""

    __tablename__ = "visits_visit"

    subject: Mapped[str] = mapped_column(sa.String(255))
    subject_f: Mapped[str] = folded("subject")
    company_id: Mapped[UUID | None] = foreign("core_company.id", default=None)
    visited_on: Mapped[date] = mapped_column(sa.Date, index=True)
    minutes: Mapped[int | None] = mapped_column(sa.Integer, default=None)
    notes: Mapped[str | None] = mapped_column(sa.Text, default=None)
