"""The tables of jobs, schedules and offices."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model
from crm_core.db.types import Id, Json, UTCDateTime


def _index(name: str, *columns: str, where: str, unique: bool = False) -> sa.Index:
    return sa.Index(name, *columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


class JobRow(Model):
    """One job. due_at: when it was first wanted; run_at: when it is tried next.

    held_key: the key as long as it keeps others out. late: its schedule's tick was missed.
    """

    __tablename__ = "core_job"

    id: Mapped[UUID] = mapped_column(Id(), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(128))
    queue: Mapped[str] = mapped_column(sa.String(32))
    args: Mapped[dict[str, Any]] = mapped_column(Json())
    state: Mapped[str] = mapped_column(sa.String(16))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime())
    due_at: Mapped[datetime] = mapped_column(UTCDateTime())
    run_at: Mapped[datetime] = mapped_column(UTCDateTime())
    lease_until: Mapped[datetime | None] = mapped_column(UTCDateTime())
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime())
    attempts: Mapped[int] = mapped_column(sa.Integer)
    max_attempts: Mapped[int] = mapped_column(sa.Integer)
    token: Mapped[UUID | None] = mapped_column(Id())
    key: Mapped[str | None] = mapped_column(sa.String(255))
    held_key: Mapped[str | None] = mapped_column(sa.String(255))
    lane: Mapped[str | None] = mapped_column(sa.String(255))
    late: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    actor: Mapped[str] = mapped_column(sa.String(128))
    user_id: Mapped[UUID | None] = mapped_column(Id())
    cause: Mapped[UUID | None] = mapped_column(Id())
    cancel_asked: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    progress: Mapped[int | None] = mapped_column(sa.BigInteger)
    total: Mapped[int | None] = mapped_column(sa.BigInteger)
    note: Mapped[str | None] = mapped_column(sa.String(255))
    error: Mapped[str | None] = mapped_column(sa.Text)
    result: Mapped[Any | None] = mapped_column(Json())

    __table_args__ = (
        _index("ix_core_job_due", "run_at", "id", where="state = 'pending'"),
        _index("ix_core_job_lease", "lease_until", where="state = 'running'"),
        _index("uq_core_job_held_key", "held_key", where="held_key is not null", unique=True),
        _index("ix_core_job_lane", "lane", "due_at", "id", where="state = 'pending' and lane is not null"),
        _index("uq_core_job_lane_running", "lane", where="state = 'running' and lane is not null", unique=True),
        sa.Index("ix_core_job_finished", "finished_at"),
        _index("ix_core_job_dead", "id", where="state = 'dead'"),
    )


class ScheduleRow(Model):
    """A call made at each tick of `cron` in `zone`. declared: the row follows a `crm_schedules` hook."""

    __tablename__ = "core_schedule"

    key: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(128))
    args: Mapped[dict[str, Any]] = mapped_column(Json())
    cron: Mapped[str] = mapped_column(sa.String(128))
    zone: Mapped[str] = mapped_column(sa.String(64))
    next_at: Mapped[datetime] = mapped_column(UTCDateTime(), index=True)
    last_at: Mapped[datetime | None] = mapped_column(UTCDateTime())
    enabled: Mapped[bool] = mapped_column(sa.Boolean, default=True)
    declared: Mapped[bool] = mapped_column(sa.Boolean, default=False)


class Lease(Model):
    """An office one process holds at a time, such as numbering events."""

    __tablename__ = "core_lease"

    name: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    holder: Mapped[UUID] = mapped_column(Id())
    until: Mapped[datetime] = mapped_column(UTCDateTime())


class SinkRow(Model):
    """How far an event sink is: position of the last event that is safe outside. state: running or paused.

    attempts: failures in a row; error: of the last one; retry_at: when it is tried again.
    """

    __tablename__ = "core_sink"

    name: Mapped[str] = mapped_column(sa.String(128), primary_key=True)
    position: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    state: Mapped[str] = mapped_column(sa.String(16), default="running")
    attempts: Mapped[int] = mapped_column(sa.Integer, default=0)
    error: Mapped[str] = mapped_column(sa.Text, default="")
    retry_at: Mapped[datetime | None] = mapped_column(UTCDateTime())
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime())


# Declarative classes type their table as a mere FromClause.
JOBS = cast(sa.Table, JobRow.__table__)
SCHEDULES = cast(sa.Table, ScheduleRow.__table__)
LEASES = cast(sa.Table, Lease.__table__)
SINKS = cast(sa.Table, SinkRow.__table__)
