"""Plugins for administrators."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.plugins.pages import PluginPages
from crm_core.features.plugins.rest import PluginsApi
from crm_core.plugin import NavItem, Permission, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (Permission(name="core.plugins.read", label=_("See which plugins are installed"), roles=("admin",)),)


@hookimpl
def crm_routes() -> Sequence[type]:
    return (PluginsApi, PluginPages)


@hookimpl
def crm_nav() -> Sequence[NavItem]:
    return (
        NavItem(label=_("Plugins"), href="/admin/plugins", icon="puzzle", permission="core.plugins.read", order=990,
                group="Administration"),
    )  # fmt: skip
