"""Saved views: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.views import actions, demo, handover, pages, rest
from crm_core.plugin import DemoData, Handover, Permission, SettingsGroup, Slot, Strings, hookimpl
from crm_core.web.list_state import ListSettings

_ = Strings("crm_core")


@hookimpl
def crm_routes() -> Sequence[type]:
    return (pages.ViewPages, rest.ViewsApi)


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (Permission(name=actions.SHARE, label=_("Share views with everyone"), roles=("manager",)),)


@hookimpl
def crm_settings() -> Sequence[SettingsGroup]:
    return (
        SettingsGroup(
            name="core.lists", struct=ListSettings, label=_("Views that lists open with"), scope="user", page="/views",
            order=40,
        ),
    )  # fmt: skip


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(place="list.views", label=_("Views"), template="core/_views_menu.html"),
        Slot(place="list.groups", label=_("Groups"), template="core/_groups_link.html"),
    )


@hookimpl
def crm_handovers() -> Sequence[Handover]:
    return (handover.VIEWS,)


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("views", demo.load, after=("deals",)),)
