"""Merging: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.merge.bulk import ACTIONS
from crm_core.features.merge.events import EVENT_TYPES
from crm_core.features.merge.pages import page_routes
from crm_core.features.merge.rest import api_routes
from crm_core.plugin import Action, EntityRoutes, EventType, hookimpl


@hookimpl
def crm_entity_routes() -> Sequence[EntityRoutes]:
    return (EntityRoutes("core.merge.api", api_routes), EntityRoutes("core.merge.pages", page_routes))


@hookimpl
def crm_actions() -> Sequence[Action]:
    return ACTIONS


@hookimpl
def crm_events() -> Sequence[EventType]:
    return EVENT_TYPES
