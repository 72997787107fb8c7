"""Files: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.files import checks, entities, jobs, pages, rest, rules
from crm_core.features.files.schemas import SweepFiles
from crm_core.plugin import Check, Entity, Job, Listener, Schedule, Slot, hookimpl


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
    return (Job(call=SweepFiles, run=jobs.sweep_files, time_limit=3600.0),)


@hookimpl
def crm_schedules() -> Sequence[Schedule]:
    return (Schedule("core.sweep_files", SweepFiles(), "43 3 * * *"),)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return entities.SLOTS


@hookimpl
def crm_checks() -> Sequence[Check]:
    return (Check("core.files", checks.store_is_usable, ready=False),)
