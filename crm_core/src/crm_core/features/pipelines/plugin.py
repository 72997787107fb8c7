"""Pipelines and stages: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.pipelines import actions, entities, listeners, pages, rest
from crm_core.plugin import Action, Entity, EntityRoutes, Listener, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.PIPELINE, entities.STAGE)


@hookimpl
def crm_actions() -> Sequence[Action]:
    return actions.ACTIONS


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return listeners.LISTENERS


@hookimpl
def crm_routes() -> Sequence[type]:
    return (rest.PipelinesApi, pages.PipelinePages, pages.StageTimePanel)


@hookimpl
def crm_entity_routes() -> Sequence[EntityRoutes]:
    return (EntityRoutes("core.pipelines.api", rest.api_routes),)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(place="record.panels", entity="core.pipeline", label=_("Stages"), src="/pipelines/{id}/stages", order=10),
        Slot(
            place="record.panels", entity="core.deal", label=_("Time in stages"),
            src="/stage-times?entity={entity}&id={id}", permission="core.deal.read", order=20,
        ),
        Slot(
            place="settings.pages", label=_("Pipelines and stages"), src="/pipelines",
            permission="core.pipeline.edit", order=30,
        ),
    )  # fmt: skip
