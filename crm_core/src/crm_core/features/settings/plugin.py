"""Settings: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.settings import permissions
from crm_core.features.settings.pages import SettingsPages
from crm_core.features.settings.rest import SettingsApi
from crm_core.plugin import Permission, hookimpl


@hookimpl
def crm_routes() -> Sequence[type]:
    return (SettingsPages, SettingsApi)


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return permissions.PERMISSIONS
