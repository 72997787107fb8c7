"""Duplicates: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.duplicates import demo, jobs, listeners
from crm_core.features.duplicates.actions import SEARCH
from crm_core.features.duplicates.pages import DuplicatePages
from crm_core.features.duplicates.rest import DuplicatesApi, api_routes
from crm_core.features.duplicates.schemas import FindDuplicates
from crm_core.plugin import DemoData, EntityRoutes, Job, Listener, NavItem, Permission, Schedule, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_routes() -> Sequence[type]:
    return (DuplicatesApi, DuplicatePages)


@hookimpl
def crm_entity_routes() -> Sequence[EntityRoutes]:
    return (EntityRoutes("core.duplicates.api", api_routes),)


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (Permission(name=SEARCH, label=_("Search all records for duplicates"), roles=("manager",)),)


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return (Listener(event="*", run=listeners.hint, name="core.duplicate_hint", wants=listeners.is_new, asks=False),)


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (Job(call=FindDuplicates, run=jobs.find_all, time_limit=3600.0),)


@hookimpl
def crm_schedules() -> Sequence[Schedule]:
    return (Schedule("core.find_duplicates", FindDuplicates(), "23 2 * * *"),)


@hookimpl
def crm_nav() -> Sequence[NavItem]:
    return (NavItem(label=_("Possible duplicates"), href="/duplicates", icon="copy", permission="core.contact.read",
                    order=900),)  # fmt: skip


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("duplicates", demo.load, after=("contacts", "leads")),)
