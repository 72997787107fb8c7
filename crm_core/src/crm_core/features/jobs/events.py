"""What administrators do with jobs."""

from __future__ import annotations

from uuid import UUID

from crm_core.plugin import Event, EventType, Strings

_ = Strings("crm_core")


class JobRetried(Event, frozen=True, kw_only=True):
    """A dead, parked or cancelled job got all its attempts again."""

    job_id: UUID
    kind: str


class JobCancelled(Event, frozen=True, kw_only=True):
    """A waiting job was ended, a running one asked to stop."""

    job_id: UUID
    kind: str


class JobDeleted(Event, frozen=True, kw_only=True):
    """The row of a dead, parked or cancelled job was deleted."""

    job_id: UUID
    kind: str


EVENT_TYPES = (
    EventType(struct=JobRetried, name="core.job.retried", label=_("Job tried again"), icon="refresh", personal=()),
    EventType(struct=JobCancelled, name="core.job.cancelled", label=_("Job cancelled"), icon="ban", personal=()),
    EventType(struct=JobDeleted, name="core.job.deleted", label=_("Job deleted"), icon="trash", personal=()),
)
