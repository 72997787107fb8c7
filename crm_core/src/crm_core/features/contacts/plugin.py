"""Contacts: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.contacts import demo, entities, listeners, pages
from crm_core.plugin import DemoData, Entity, FieldOn, Listener, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.CONTACT,)


@hookimpl
def crm_fields() -> Sequence[FieldOn]:
    return entities.FIRST


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return listeners.LISTENERS


@hookimpl
def crm_routes() -> Sequence[type]:
    return (pages.CompanyPeople,)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(
            place="record.panels", entity="core.company", label=_("People"), src="/company-people?company={id}",
            permission="core.contact.read", order=20,
        ),
    )  # fmt: skip


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("contacts", demo.load, after=("companies",)),)
