"""The organisation: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.organisation import demo, pages, settings
from crm_core.plugin import DemoData, SettingsGroup, hookimpl


@hookimpl
def crm_settings() -> Sequence[SettingsGroup]:
    return (settings.GROUP, settings.LOGO, settings.CALENDAR)


@hookimpl
def crm_routes() -> Sequence[type]:
    return (pages.LogoPages, pages.LogoPicture)


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("organisation", demo.load),)
