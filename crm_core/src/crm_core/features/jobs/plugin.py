"""Jobs the kernel itself needs."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.entity.tail import RunListener
from crm_core.features.jobs import jobs
from crm_core.features.jobs.schemas import PurgeJobs
from crm_core.jobs.listeners import run_listener
from crm_core.plugin import Job, Schedule, hookimpl


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (Job(call=RunListener, run=run_listener), Job(call=PurgeJobs, run=jobs.purge_jobs))


@hookimpl
def crm_schedules() -> Sequence[Schedule]:
    return (Schedule("core.purge_jobs", PurgeJobs(), "17 3 * * *"),)
