"""Visits: what this plugin adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.plugin import Action, Entity, EventType, Migrations, Slot, Strings, hookimpl

from crm_visits import actions, entities, events, pages

_ = Strings("crm_visits")


@hookimpl
def crm_migrations() -> Sequence[Migrations]:
    return (Migrations("crm_visits"),)


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.VISIT,)


@hookimpl
def crm_actions() -> Sequence[Action]:
    return (actions.FINISH,)


@hookimpl
def crm_events() -> Sequence[EventType]:
    return (events.VISIT_DONE,)


@hookimpl
def crm_routes() -> Sequence[type]:
    return (pages.VisitPages,)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(
            place="record.panels",
            entity="core.company",
            label=_("Visits"),
            src="/visits/panel?id={id}",
            permission="visits.visit.read",
        ),
    )
