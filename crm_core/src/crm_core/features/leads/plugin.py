"""Leads: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.leads import actions, demo, entities, settings
from crm_core.features.leads.pages import page_routes
from crm_core.features.leads.schemas import LeadConverted, LeadReopened
from crm_core.plugin import (
    Action,
    DemoData,
    Entity,
    EntityRoutes,
    EventType,
    SettingsGroup,
    Slot,
    Strings,
    hookimpl,
)

_ = Strings("crm_core")


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.LEAD,)


@hookimpl
def crm_actions() -> Sequence[Action]:
    return actions.ACTIONS


@hookimpl
def crm_settings() -> Sequence[SettingsGroup]:
    return (settings.GROUP,)


@hookimpl
def crm_events() -> Sequence[EventType]:
    return (
        EventType(struct=LeadConverted, name="core.lead.converted", label=_("Lead converted"), personal=(),
                  icon="transform"),
        EventType(struct=LeadReopened, name="core.lead.reopened", label=_("Lead opened again"), personal=(),
                  icon="rotate"),
    )  # fmt: skip


@hookimpl
def crm_entity_routes() -> Sequence[EntityRoutes]:
    return (EntityRoutes("core.leads.pages", page_routes),)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(place="record.header", label=_("Convert"), template="core/_convert_link.html", entity="core.lead",
             permission="core.lead.edit", order=50),
    )  # fmt: skip


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("leads", demo.load, after=("companies",)),)
