"""Files: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.files import checks, entities, events, jobs, pages, rest, rules, scrub
from crm_core.features.files.schemas import ScrubFiles, SweepFiles
from crm_core.plugin import Check, Entity, EventType, Job, Listener, Schedule, Slot, hookimpl


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.FILE,)


@hookimpl
def crm_routes() -> Sequence[type]:
    return (rest.FileUploads, pages.FilePages)


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return rules.LISTENERS


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (
        Job(call=SweepFiles, run=jobs.sweep_files, time_limit=3600.0),
        Job(call=ScrubFiles, run=scrub.scrub_files, time_limit=6 * 3600.0),
    )


@hookimpl
def crm_schedules() -> Sequence[Schedule]:
    return (
        Schedule("core.sweep_files", SweepFiles(), "43 3 * * *"),
        Schedule("core.scrub_files", ScrubFiles(), "17 4 * * 0"),
    )


@hookimpl
def crm_events() -> Sequence[EventType]:
    return events.EVENT_TYPES


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return entities.SLOTS


@hookimpl
def crm_checks() -> Sequence[Check]:
    return checks.CHECKS
