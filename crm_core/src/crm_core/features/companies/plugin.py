"""Companies: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.companies import demo, entities
from crm_core.plugin import DemoData, Entity, hookimpl


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.COMPANY,)


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("companies", demo.load, after=("organisation",)),)
