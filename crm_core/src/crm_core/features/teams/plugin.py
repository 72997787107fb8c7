"""Teams."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.teams import listeners
from crm_core.features.teams.entities import TEAM
from crm_core.plugin import Entity, Listener, hookimpl


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (TEAM,)


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return tuple(
        Listener(event=f"core.team.{what}", run=listeners.tree_changed, name="core.team.rights")
        for what in ("created", "updated", "deleted", "restored", "merged")
    )
