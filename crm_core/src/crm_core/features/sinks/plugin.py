"""Event sinks: the file sink, and what administrators see of all sinks."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.sinks import jsonl, settings
from crm_core.features.sinks.events import EVENT_TYPES
from crm_core.features.sinks.pages import SinkPages
from crm_core.features.sinks.rest import SinksApi
from crm_core.plugin import EventSink, EventType, NavItem, Permission, SettingsGroup, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_event_sinks() -> Sequence[EventSink]:
    return (jsonl.SINK,)


@hookimpl
def crm_settings() -> Sequence[SettingsGroup]:
    return (settings.GROUP,)


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (Permission(name="core.sinks.manage", label=_("See, pause and skip event sinks"), roles=("admin",)),)


@hookimpl
def crm_routes() -> Sequence[type]:
    return (SinksApi, SinkPages)


@hookimpl
def crm_events() -> Sequence[EventType]:
    return EVENT_TYPES


@hookimpl
def crm_nav() -> Sequence[NavItem]:
    return (
        NavItem(label=_("Event sinks"), href="/admin/sinks", icon="database-export", permission="core.sinks.manage",
                order=986, group="Administration"),
    )  # fmt: skip
