"""Contacts: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.contacts import demo, entities
from crm_core.plugin import DemoData, Entity, FieldOn, hookimpl


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.CONTACT,)


@hookimpl
def crm_fields() -> Sequence[FieldOn]:
    return entities.FIRST


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("contacts", demo.load, after=("companies",)),)
