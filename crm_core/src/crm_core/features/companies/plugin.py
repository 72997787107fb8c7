"""Companies: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.companies import demo, entities, listeners, pages, rest
from crm_core.plugin import DemoData, Entity, Listener, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.COMPANY,)


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return listeners.LISTENERS


@hookimpl
def crm_routes() -> Sequence[type]:
    return (rest.CompaniesApi, pages.CompanyTreePanel)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(
            place="record.panels", entity="core.company", label=_("Group"), src="/company-tree?company={id}",
            permission="core.company.read", order=10,
        ),
    )  # fmt: skip


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("companies", demo.load, after=("organisation",)),)
