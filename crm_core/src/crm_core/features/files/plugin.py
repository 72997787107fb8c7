"""Files: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.files import entities, rest, rules
from crm_core.plugin import Entity, Listener, hookimpl


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.FILE,)


@hookimpl
def crm_routes() -> Sequence[type]:
    return (rest.FileUploads,)


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return rules.LISTENERS
