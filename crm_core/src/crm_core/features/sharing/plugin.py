"""Sharing single records, and why somebody may see one."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.sharing import handover
from crm_core.features.sharing.asking import EXPLAIN
from crm_core.features.sharing.events import EVENT_TYPES
from crm_core.features.sharing.pages import SharingPages, page_routes
from crm_core.features.sharing.rest import api_routes
from crm_core.plugin import EntityRoutes, EventType, Handover, Permission, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_entity_routes() -> Sequence[EntityRoutes]:
    return (EntityRoutes("core.sharing.api", api_routes), EntityRoutes("core.sharing.pages", page_routes))


@hookimpl
def crm_routes() -> Sequence[type]:
    return (SharingPages,)


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (Permission(name=EXPLAIN, label=_("See why others may see a record"), roles=("manager",)),)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(place="record.panels", label=_("Access"), src="/sharing/panel?entity={entity}&id={id}", order=900),
        Slot(place="record.header", label=_("Access"), template="core/_access_link.html", order=900),
    )


@hookimpl
def crm_events() -> Sequence[EventType]:
    return EVENT_TYPES


@hookimpl
def crm_handovers() -> Sequence[Handover]:
    return (handover.SHARES,)
