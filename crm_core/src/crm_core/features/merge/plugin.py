"""Merging: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.merge.events import EVENT_TYPES
from crm_core.features.merge.rest import api_routes
from crm_core.plugin import EntityRoutes, EventType, hookimpl


@hookimpl
def crm_entity_routes() -> Sequence[EntityRoutes]:
    return (EntityRoutes("core.merge.api", api_routes),)


@hookimpl
def crm_events() -> Sequence[EventType]:
    return EVENT_TYPES
