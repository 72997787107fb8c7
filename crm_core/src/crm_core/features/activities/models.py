"""The table of activities, whom they involve and which records they are about."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Record, folded, foreign
from crm_core.db.types import ENTITY_NAME, Id, UTCDateTime, new_id


class Activity(Record, Model):
    """A task, call, meeting, note or e-mail note; the only row of a meeting.

    A timed activity has `starts_at`/`ends_at` and their `zone`; an all-day one `starts_on`/`ends_on`.
    `due_at` is when it is to be done (a task's own value, otherwise derived from the start); an
    activity with `done_at` is done. `parent_owner_id` and `parent_team_id` are copies from the record
    it is about, so that whoever sees that record sees the activity.
    """

    __tablename__ = "core_activity"
    __table_args__ = (
        sa.Index("ix_core_activity_parent", "parent_entity", "parent_id", "due_at"),
        sa.Index("ix_core_activity_owner_id_due_at", "owner_id", "due_at"),
        sa.Index("ix_core_activity_due_at_id", "due_at", "id"),
        sa.Index("ix_core_activity_starts_at", "starts_at"),
    )

    kind: Mapped[str] = mapped_column(sa.String(20), default="task")
    subject: Mapped[str] = mapped_column(sa.String(255))
    subject_f: Mapped[str] = folded("subject")
    body: Mapped[str | None] = mapped_column(sa.Text, default=None)
    location: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    starts_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    ends_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    zone: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    starts_on: Mapped[date | None] = mapped_column(sa.Date, default=None)
    ends_on: Mapped[date | None] = mapped_column(sa.Date, default=None)
    all_day: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    due_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    done_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    priority: Mapped[str] = mapped_column(sa.String(10), default="normal")
    visibility: Mapped[str] = mapped_column(sa.String(10), default="shared")
    organiser_id: Mapped[UUID | None] = mapped_column(Id(), index=True, default=None)
    parent_entity: Mapped[str | None] = mapped_column(ENTITY_NAME, default=None)
    parent_id: Mapped[UUID | None] = mapped_column(Id(), default=None)
    parent_owner_id: Mapped[UUID | None] = mapped_column(Id(), index=True, default=None)
    parent_team_id: Mapped[UUID | None] = mapped_column(Id(), index=True, default=None)


class ActivityLink(Model):
    """One more record an activity is about, beside its parent."""

    __tablename__ = "core_activity_link"
    __table_args__ = (sa.Index("ix_core_activity_link_record", "record_entity", "record_id"),)

    id: Mapped[UUID] = mapped_column(Id(), primary_key=True, default=new_id)
    activity_id: Mapped[UUID] = foreign("core_activity.id", on_delete="CASCADE", nullable=False)
    record_entity: Mapped[str] = mapped_column(ENTITY_NAME)
    record_id: Mapped[UUID] = mapped_column(Id())


class Participant(Model):
    """Someone who takes part: a user, a contact, or just a name and an address."""

    __tablename__ = "core_activity_participant"

    id: Mapped[UUID] = mapped_column(Id(), primary_key=True, default=new_id)
    activity_id: Mapped[UUID] = foreign("core_activity.id", on_delete="CASCADE", nullable=False)
    user_id: Mapped[UUID | None] = mapped_column(Id(), index=True, default=None)
    contact_id: Mapped[UUID | None] = foreign("core_contact.id", default=None)
    name: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    email: Mapped[str | None] = mapped_column(sa.String(255), default=None)
