"""Deals, pipelines and stages: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.deals import actions, computed, defaults, demo, entities, listeners, pages, rest, settings
from crm_core.plugin import Action, Default, DemoData, Entity, FieldOn, Listener, SettingsGroup, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.DEAL_ROLE, entities.LOST_REASON, entities.DEAL)


@hookimpl
def crm_fields() -> Sequence[FieldOn]:
    return computed.FIELDS


@hookimpl
def crm_actions() -> Sequence[Action]:
    return actions.ACTIONS


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return listeners.LISTENERS


@hookimpl
def crm_defaults() -> Sequence[Default]:
    return (Default("pipelines", defaults.load), Default("deal_words", defaults.load_words))


@hookimpl
def crm_settings() -> Sequence[SettingsGroup]:
    return (settings.GROUP,)


@hookimpl
def crm_routes() -> Sequence[type]:
    return (rest.DealForecasts, pages.DealParts)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    right = "core.stage.edit"
    return (
        Slot(place="settings.pages", label=_("Lost reasons"), src="/lost-reasons", permission=right, order=31),
        Slot(place="settings.pages", label=_("Roles in deals"), src="/deal-roles", permission=right, order=32),
        Slot(
            place="record.panels", entity="core.contact", label=_("Takes part in"), src="/deal-parts?contact={id}",
            permission="core.deal.read", order=30,
        ),
    )  # fmt: skip


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("deals", demo.load, after=("contacts",)),)
