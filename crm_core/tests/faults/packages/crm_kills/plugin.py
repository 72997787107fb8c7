"""Hooks of the jobs that are killed."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.plugin import Job, hookimpl

from crm_kills import jobs, rest, schemas


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (
        Job(call=schemas.Leave, run=jobs.leave),
        Job(call=schemas.Retry, run=jobs.retry),
        Job(call=schemas.Parts, run=jobs.parts),
        Job(call=schemas.Square, run=jobs.square, isolated=True),
    )


@hookimpl
def crm_routes() -> Sequence[type]:
    return (rest.Orders,)
