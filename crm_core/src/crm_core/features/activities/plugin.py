"""Activities: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.activities import actions, demo, entities, listeners
from crm_core.plugin import Action, DemoData, Entity, Listener, hookimpl


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.ACTIVITY,)


@hookimpl
def crm_actions() -> Sequence[Action]:
    return actions.ACTIONS


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return listeners.LISTENERS


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("activities", demo.load, after=("contacts", "leads", "deals")),)
