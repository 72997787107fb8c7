"""Followers: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.followers import demo, handover, listeners, pages, rest, settings
from crm_core.plugin import DemoData, Handover, Listener, SettingsGroup, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_routes() -> Sequence[type]:
    return (pages.FollowPages, rest.FollowsApi)


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return listeners.LISTENERS


@hookimpl
def crm_settings() -> Sequence[SettingsGroup]:
    return (settings.GROUP,)


@hookimpl
def crm_handovers() -> Sequence[Handover]:
    return (handover.FOLLOWS,)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(place="record.header", label=_("Follow"), src="/follows/button?of={entity}:{id}", order=60),
        Slot(place="record.header", label=_("Follow"), template="core/_follow_link.html", order=60),
    )


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("followers", demo.load, after=("deals", "comments")),)
