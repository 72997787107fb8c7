"""Plugins as the API answers them."""

from __future__ import annotations

import msgspec

from crm_core.plugin.registry import PluginInfo


class PluginOut(msgspec.Struct, kw_only=True):
    """One plugin. state: loaded, disabled or failed, with the reason; hooks it uses, hooks it offers to others.

    bridges: the neighbours it has code for, loaded only where they are. builtin: a part of the CRM itself.
    """

    name: str
    title: str
    distribution: str
    version: str
    state: str
    reason: str
    hooks: tuple[str, ...]
    offers: tuple[str, ...]
    bridges: tuple[str, ...]
    builtin: bool


def plugin_out(info: PluginInfo) -> PluginOut:
    """Return what the loader knows of a plugin."""
    return PluginOut(**{name: getattr(info, name) for name in PluginOut.__struct_fields__})
