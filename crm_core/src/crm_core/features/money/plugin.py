"""Currencies and rates: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.money import defaults, entities, settings
from crm_core.plugin import Default, Entity, SettingsGroup, hookimpl


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.RATE,)


@hookimpl
def crm_settings() -> Sequence[SettingsGroup]:
    return (settings.GROUP,)


@hookimpl
def crm_defaults() -> Sequence[Default]:
    return (Default("currencies", defaults.load),)
