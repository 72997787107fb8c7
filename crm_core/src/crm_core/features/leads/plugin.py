"""Leads: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.leads import demo, entities
from crm_core.plugin import DemoData, Entity, hookimpl


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.LEAD,)


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("leads", demo.load, after=("companies",)),)
