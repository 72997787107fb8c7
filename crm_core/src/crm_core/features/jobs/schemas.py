"""Calls of the kernel's own jobs, and how jobs look to an administrator."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from crm_core.plugin import JobCall

STATES = ("pending", "running", "done", "dead", "cancelled", "parked")


class PurgeJobs(JobCall, frozen=True, kw_only=True):
    """Delete ended jobs older than `days`; dead ones are kept ten times as long, for somebody to look at."""

    days: int = 14


class JobOut(msgspec.Struct, kw_only=True):
    """A job in a list. state: one of `STATES`; "parked" also while no loaded plugin knows the kind.

    missing: the plugin such a job waits for. error: the last line of it. progress: done so far, of `total` if known.
    """

    id: UUID
    kind: str
    state: str
    missing: str
    queue: str
    lane: str | None
    key: str | None
    attempts: int
    max_attempts: int
    progress: int | None
    total: int | None
    note: str | None
    error: str | None
    cause: UUID | None
    actor: str
    user_id: UUID | None
    late: bool
    cancel_asked: bool
    created_at: datetime
    due_at: datetime
    run_at: datetime
    finished_at: datetime | None


class JobDetail(JobOut, kw_only=True):
    """One job: its error whole, its arguments and what it left as its result. lease_until: while it runs."""

    args: dict[str, Any]
    result: Any
    lease_until: datetime | None


class JobsPage(msgspec.Struct, kw_only=True):
    """Jobs, newest first; `next` is the cursor of the following ones, null at the end."""

    items: list[JobOut]
    next: str | None
