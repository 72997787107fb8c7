"""Legal entities and number series: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.number_series import demo, entities, pages, rest
from crm_core.plugin import DemoData, Entity, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.LEGAL_ENTITY, entities.NUMBER_SERIES)


@hookimpl
def crm_routes() -> Sequence[type]:
    return (rest.NumberSeriesApi, pages.NumberSeriesParts)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(
            place="settings.pages", label=_("Legal entities"), src="/legal-entities",
            permission="core.legal_entity.edit", order=41,
        ),
        Slot(
            place="settings.pages", label=_("Number series"), src="/number-series",
            permission="core.number_series.edit", order=42,
        ),
        Slot(
            place="record.panels", entity="core.number_series", label=_("Next number"),
            src="/number-series-parts/next?of={id}", permission="core.number_series.read",
        ),
    )  # fmt: skip


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("number_series", demo.load, after=("organisation",)),)
