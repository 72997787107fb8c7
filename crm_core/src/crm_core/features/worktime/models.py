"""Calendars with their exceptions and users, absences."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Record, Stamp, folded, foreign
from crm_core.db.types import UTCDateTime


class WorkCalendar(Record, Model):
    """Hours of a week in a zone. monday…sunday: as `hours.written` gives them, empty for a day off.

    country, subdivision: whose public holidays are off (ISO 3166). feed_url: of a calendar file whose days are off too.
    """

    __tablename__ = "core_work_calendar"
    __table_args__ = (
        sa.Index(
            "uq_core_work_calendar_default", "is_default", unique=True,
            sqlite_where=sa.text("is_default and deleted_at is null"),
            postgresql_where=sa.text("is_default and deleted_at is null"),
        ),
    )  # fmt: skip

    name: Mapped[str] = mapped_column(sa.String(100))
    name_f: Mapped[str] = folded("name", 100)
    zone: Mapped[str] = mapped_column(sa.String(64), default="UTC")
    is_default: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    monday: Mapped[str] = mapped_column(sa.String(255), default="")
    tuesday: Mapped[str] = mapped_column(sa.String(255), default="")
    wednesday: Mapped[str] = mapped_column(sa.String(255), default="")
    thursday: Mapped[str] = mapped_column(sa.String(255), default="")
    friday: Mapped[str] = mapped_column(sa.String(255), default="")
    saturday: Mapped[str] = mapped_column(sa.String(255), default="")
    sunday: Mapped[str] = mapped_column(sa.String(255), default="")
    country: Mapped[str] = mapped_column(sa.String(2), default="")
    subdivision: Mapped[str] = mapped_column(sa.String(16), default="")
    feed_url: Mapped[str | None] = mapped_column(sa.String(2000), default=None)
    feed_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    feed_problem: Mapped[str] = mapped_column(sa.String(255), default="")


class WorkDay(Stamp, Model):
    """A date with hours of its own; empty hours: a day off."""

    __tablename__ = "core_work_day"
    __table_args__ = (sa.UniqueConstraint("calendar_id", "day"),)

    calendar_id: Mapped[UUID] = foreign("core_work_calendar.id", on_delete="CASCADE", nullable=False, index=False)
    position: Mapped[int] = mapped_column(sa.Integer, default=0)
    day: Mapped[date] = mapped_column(sa.Date)
    hours: Mapped[str] = mapped_column(sa.String(255), default="")
    label: Mapped[str] = mapped_column(sa.String(255), default="")


class WorkUse(Stamp, Model):
    """Whose calendar it is: one user's or one team's."""

    __tablename__ = "core_work_use"
    __table_args__ = (sa.UniqueConstraint("user_id"), sa.UniqueConstraint("team_id"))

    calendar_id: Mapped[UUID] = foreign("core_work_calendar.id", on_delete="CASCADE", nullable=False)
    position: Mapped[int] = mapped_column(sa.Integer, default=0)
    user_id: Mapped[UUID | None] = foreign("core_user.id", on_delete="CASCADE", index=False, default=None)
    team_id: Mapped[UUID | None] = foreign("core_team.id", on_delete="CASCADE", index=False, default=None)


class FeedDay(Model):
    """A day off from a calendar file, replaced as a whole each time the file is fetched."""

    __tablename__ = "core_work_feed_day"

    calendar_id: Mapped[UUID] = foreign(
        "core_work_calendar.id", on_delete="CASCADE", nullable=False, index=False, primary_key=True
    )
    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    label: Mapped[str] = mapped_column(sa.String(255), default="")


class Absence(Record, Model):
    """Somebody is away from one instant to another; the owner of the row is who. deputy_id: who stands in."""

    __tablename__ = "core_absence"
    __table_args__ = (sa.Index("ix_core_absence_ends_at_starts_at", "ends_at", "starts_at"),)

    kind: Mapped[str] = mapped_column(sa.String(16), default="vacation")
    starts_at: Mapped[datetime] = mapped_column(UTCDateTime())
    ends_at: Mapped[datetime] = mapped_column(UTCDateTime())
    deputy_id: Mapped[UUID | None] = foreign("core_user.id", default=None)
    note: Mapped[str] = mapped_column(sa.String(255), default="")
    note_f: Mapped[str] = folded("note")
