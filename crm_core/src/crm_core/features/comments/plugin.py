"""Comments: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.comments import demo, entities, rules
from crm_core.plugin import DemoData, Entity, Listener, hookimpl


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.COMMENT,)


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return rules.LISTENERS


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("comments", demo.load, after=("activities",)),)
