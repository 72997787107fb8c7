"""Export of every entity's list."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.exports.rest import api_routes
from crm_core.plugin import EntityRoutes, hookimpl


@hookimpl
def crm_entity_routes() -> Sequence[EntityRoutes]:
    return (EntityRoutes("core.exports.api", api_routes),)
