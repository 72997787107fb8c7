"""Background jobs: those the kernel itself needs, and their administration."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.entity.tail import RunListener
from crm_core.features.jobs import handover, jobs, statistics
from crm_core.features.jobs.events import EVENT_TYPES
from crm_core.features.jobs.pages import JobPages
from crm_core.features.jobs.rest import JobsApi
from crm_core.features.jobs.schemas import PurgeJobs
from crm_core.jobs.listeners import run_listener
from crm_core.plugin import EventType, Handover, Job, NavItem, Permission, Schedule, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (Permission(name="core.jobs.manage", label=_("See, retry and delete background jobs"), roles=("admin",)),)


@hookimpl
def crm_routes() -> Sequence[type]:
    return (JobsApi, JobPages)


@hookimpl
def crm_nav() -> Sequence[NavItem]:
    return (
        NavItem(label=_("Jobs"), href="/admin/jobs", icon="stack-2", permission="core.jobs.manage", order=980,
                group="Administration"),
    )  # fmt: skip


@hookimpl
def crm_handovers() -> Sequence[Handover]:
    return (handover.SCHEDULED,)


@hookimpl
def crm_events() -> Sequence[EventType]:
    return EVENT_TYPES


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (
        Job(call=RunListener, run=run_listener),
        Job(call=PurgeJobs, run=jobs.purge_jobs),
        Job(call=statistics.RefreshStatistics, run=statistics.refresh_statistics),
    )


@hookimpl
def crm_schedules() -> Sequence[Schedule]:
    return (
        Schedule("core.purge_jobs", PurgeJobs(), "17 3 * * *"),
        Schedule("core.refresh_statistics", statistics.RefreshStatistics(), "47 3 * * *"),
        Schedule("core.refresh_statistics_when_grown", statistics.RefreshStatistics(if_grown=True), "*/10 * * * *"),
    )
