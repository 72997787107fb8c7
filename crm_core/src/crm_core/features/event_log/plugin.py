"""The event log for administrators."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.event_log.pages import EventPages
from crm_core.features.event_log.rest import EventsApi
from crm_core.plugin import NavItem, Permission, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (Permission(name="core.events.read", label=_("See the event log of all records"), roles=("admin",)),)


@hookimpl
def crm_routes() -> Sequence[type]:
    return (EventsApi, EventPages)


@hookimpl
def crm_nav() -> Sequence[NavItem]:
    return (
        NavItem(label=_("Events"), href="/admin/events", icon="history", permission="core.events.read", order=985,
                group="Administration"),
    )  # fmt: skip
