"""Hooks of the test jobs."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.plugin import Job, hookimpl

from crm_faults import jobs, schemas


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (
        Job(call=schemas.Leave, run=jobs.leave),
        Job(call=schemas.LeaveUnfinished, run=jobs.leave_unfinished),
        Job(call=schemas.Fail, run=jobs.fail, max_attempts=3),
        Job(call=schemas.FailOnce, run=jobs.fail_once),
        Job(call=schemas.Later, run=jobs.later),
        Job(call=schemas.Die, run=jobs.die, max_attempts=3),
        Job(call=schemas.Hang, run=jobs.hang, time_limit=0.1, max_attempts=1),
        Job(call=schemas.Count, run=jobs.count),
        Job(call=schemas.Square, run=jobs.square, isolated=True),
        Job(call=schemas.Tick, run=jobs.tick),
    )
