"""From a job call to its row and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from crm_core.auth.actor import Actor
from crm_core.db.types import new_id
from crm_core.plugin.declare import Job, JobCall
from crm_core.plugin.registry import Registry, job_name

MAXIMUM_KEY = 255


class UnknownJob(LookupError):
    """A call was enqueued that no loaded plugin binds to a function."""


class Undecodable(ValueError):
    """A row's arguments do not fit the call any more; the job is parked."""


def kind_of(registry: Registry, call: JobCall) -> tuple[str, Job]:
    """Return the stored name of a call and its binding; UnknownJob if nobody declared it."""
    job = registry.jobs.get(type(call))
    if job is None:
        raise UnknownJob(f"{type(call).__module__}.{type(call).__qualname__} is not bound by any crm_jobs hook")
    return job_name(job, type(call).__module__.partition(".")[0].removeprefix("crm_")), job


def job_row(
    registry: Registry,
    call: JobCall,
    *,
    now: datetime,
    run_at: datetime | None = None,
    key: str | None = None,
    lane: str | None = None,
    actor: Actor | None = None,
    cause: UUID | None = None,
    late: bool = False,
) -> dict[str, Any]:
    """Return the columns of a new `core_job` row; insert it with ON CONFLICT DO NOTHING.

    `key` admits one unfinished job at a time, one for ever when it starts with "once:". Jobs of a `lane`
    run one after the other, in order of their due time. Raises UnknownJob, and ValueError for a naive time.
    """
    kind, job = kind_of(registry, call)
    for name, text in (("key", key), ("lane", lane)):
        if text is not None and not 0 < len(text) <= MAXIMUM_KEY:
            raise ValueError(f"{name} must have 1 to {MAXIMUM_KEY} characters")
    due = run_at or now
    if due.tzinfo is None:
        raise ValueError("run_at needs a time zone")
    return {
        "id": new_id(),
        "kind": kind,
        "queue": job.queue,
        "args": msgspec.to_builtins(call),
        "state": "pending",
        "created_at": now,
        "due_at": due,
        "run_at": due,
        "attempts": 0,
        "max_attempts": job.max_attempts,
        "key": key,
        "held_key": key,
        "lane": lane,
        "late": late,
        "actor": actor.label if actor else "system:job",
        "user_id": actor.user_id if actor else None,
        "cause": cause,
        "cancel_asked": False,
    }


def decode(job: Job, args: Any) -> JobCall:
    """Return the call a row stands for; Undecodable when its arguments do not fit."""
    try:
        call: JobCall = msgspec.convert(args, job.call)
    except msgspec.ValidationError as error:
        raise Undecodable(f"{job.call.__name__}: {error}") from error
    return call
