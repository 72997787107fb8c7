"""Hooks of the jobs that are killed."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.plugin import Job, hookimpl

from crm_kills import jobs, rest, schemas

MOST = 50
"""Attempts: each kill takes along what runs beside, and a job whose process died eight times would end dead."""


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (
        Job(call=schemas.Leave, run=jobs.leave, max_attempts=MOST),
        Job(call=schemas.Retry, run=jobs.retry, max_attempts=MOST),
        Job(call=schemas.Parts, run=jobs.parts, max_attempts=MOST),
        Job(call=schemas.Square, run=jobs.square, isolated=True, max_attempts=MOST),
    )


@hookimpl
def crm_routes() -> Sequence[type]:
    return (rest.Orders,)
