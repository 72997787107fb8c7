"""Deals, pipelines and stages: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.deals import actions, defaults, demo, entities, listeners, rest, settings
from crm_core.plugin import Action, Default, DemoData, Entity, Listener, SettingsGroup, hookimpl


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.PIPELINE, entities.STAGE, entities.DEAL)


@hookimpl
def crm_actions() -> Sequence[Action]:
    return actions.ACTIONS


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return listeners.LISTENERS


@hookimpl
def crm_defaults() -> Sequence[Default]:
    return (Default("pipelines", defaults.load),)


@hookimpl
def crm_settings() -> Sequence[SettingsGroup]:
    return (settings.GROUP,)


@hookimpl
def crm_routes() -> Sequence[type]:
    return (rest.DealForecasts,)


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("deals", demo.load, after=("contacts",)),)
