"""Signing in, set-up, tokens."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.session import jobs
from crm_core.features.session.event_types import EVENT_TYPES
from crm_core.features.session.pages import AccountPages, SessionPages
from crm_core.features.session.rest import PasswordApi, SessionApi, TokenApi
from crm_core.plugin import EventType, Job, Schedule, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_routes() -> Sequence[type]:
    return (SessionPages, AccountPages, SessionApi, TokenApi, PasswordApi)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (Slot(place="layout.user", label=_("Your account"), template="core/_account_link.html", order=10),)


@hookimpl
def crm_events() -> Sequence[EventType]:
    return EVENT_TYPES


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (Job(call=jobs.PurgeAccess, run=jobs.purge_access),)


@hookimpl
def crm_schedules() -> Sequence[Schedule]:
    return (Schedule("core.purge_access", jobs.PurgeAccess(), "17 3 * * *"),)
