"""Tags: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.tags import entities
from crm_core.features.tags.pages import TagPages
from crm_core.plugin import Entity, hookimpl


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.TAG,)


@hookimpl
def crm_routes() -> Sequence[type]:
    return (TagPages,)
