"""Signing in, set-up, tokens."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.session import jobs, listeners, settings
from crm_core.features.session.access_rest import SecondFactorApi, SessionsApi, TokenApi, UserAccessApi
from crm_core.features.session.account_pages import AccountPages, SecondFactorPages
from crm_core.features.session.event_types import EVENT_TYPES
from crm_core.features.session.pages import SecondStepPages, SessionPages
from crm_core.features.session.rest import PasswordApi, SessionApi
from crm_core.plugin import EventType, Job, Listener, Permission, Schedule, SettingsGroup, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_routes() -> Sequence[type]:
    return (
        SessionPages, SecondStepPages, AccountPages, SecondFactorPages,
        SessionApi, SessionsApi, TokenApi, PasswordApi, UserAccessApi, SecondFactorApi,
    )  # fmt: skip


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


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (Permission(name="core.security.manage", label=_("Set the rules of signing in"), roles=("admin",)),)


@hookimpl
def crm_settings() -> Sequence[SettingsGroup]:
    return (settings.GROUP,)


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return tuple(
        Listener(
            event=f"core.user.{what}", run=listeners.roles_given, name="core.session.roles", wants=listeners.about_roles
        )
        for what in ("created", "updated")
    )
