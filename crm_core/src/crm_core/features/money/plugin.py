"""Currencies and rates: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.money import defaults, entities, jobs, listeners, pages, schemas, settings
from crm_core.plugin import Default, Entity, Job, Listener, SettingsGroup, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.RATE,)


@hookimpl
def crm_settings() -> Sequence[SettingsGroup]:
    return (settings.GROUP,)


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return listeners.LISTENERS


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (Job(call=schemas.RevalueAmounts, run=jobs.revalue_amounts, time_limit=3600.0),)


@hookimpl
def crm_routes() -> Sequence[type]:
    return (pages.RateParts,)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(
            place="settings.pages", label=_("Exchange rates"), src="/rates", permission="core.rate.edit", order=40,
        ),
        Slot(
            place="record.panels", entity="core.rate", label=_("Base amounts"), src="/rate-parts/valuing?of={id}",
            permission="core.rate.read",
        ),
    )  # fmt: skip


@hookimpl
def crm_defaults() -> Sequence[Default]:
    return (Default("currencies", defaults.load),)
