"""Bridge: what the sample adds when the plugin "neighbour" is loaded too."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.plugin import NavItem, Strings, hookimpl

_ = Strings(__package__)


@hookimpl
def crm_nav() -> Sequence[NavItem]:
    return (
        NavItem(label=_("Visits next door"), href="/sample/overview", icon="map", permission="sample.visits.manage"),
    )
