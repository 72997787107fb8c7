"""Connected accounts."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.connections.admin_pages import ConnectionAdminPages
from crm_core.features.connections.events import EVENT_TYPES
from crm_core.features.connections.pages import ConnectionPages
from crm_core.features.connections.rest import ConnectionProvidersApi, ConnectionsApi
from crm_core.plugin import EventType, Permission, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_routes() -> Sequence[type]:
    return (ConnectionPages, ConnectionAdminPages, ConnectionsApi, ConnectionProvidersApi)


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (
        Permission(name="core.connection.manage", label=_("Set up where accounts can be connected"), roles=("admin",)),
    )


@hookimpl
def crm_events() -> Sequence[EventType]:
    return EVENT_TYPES


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(
            place="settings.pages", label=_("Connected accounts"), src="/admin/connections",
            permission="core.connection.manage", order=25,
        ),
        Slot(place="account.panels", label=_("Connected accounts"), template="core/_connections.html", order=50),
        Slot(place="home.top", label=_("Connected accounts"), src="/account/connections/notice", order=10),
    )  # fmt: skip
