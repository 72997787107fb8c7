"""Reminders: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.reminders import activities, calls, jobs, pages, rest, retention, schemas, settings
from crm_core.plugin import Job, Listener, Retention, Schedule, SettingsGroup, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_routes() -> Sequence[type]:
    return (pages.ReminderPages, rest.RemindersApi)


@hookimpl
def crm_settings() -> Sequence[SettingsGroup]:
    return (settings.GROUP,)


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return activities.LISTENERS


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (
        Job(call=schemas.RemindDue, run=jobs.remind_due),
        Job(call=calls.RenewReminders, run=activities.renew),
    )


@hookimpl
def crm_schedules() -> Sequence[Schedule]:
    return (Schedule("core.remind_due", schemas.RemindDue(), "* * * * *"),)


@hookimpl
def crm_retention() -> Sequence[Retention]:
    return (retention.TOLD,)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (Slot(place="record.header", label=_("Remind me"), template="core/_remind_link.html", order=62),)
