"""Undo: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.undo.history import api_routes
from crm_core.features.undo.jobs import undo_cause
from crm_core.features.undo.pages import UndoPages
from crm_core.features.undo.rest import UndoApi
from crm_core.features.undo.schemas import UndoCause
from crm_core.plugin import EntityRoutes, Job, hookimpl


@hookimpl
def crm_routes() -> Sequence[type]:
    return (UndoPages, UndoApi)


@hookimpl
def crm_entity_routes() -> Sequence[EntityRoutes]:
    return (EntityRoutes("core.history", api_routes),)


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (Job(call=UndoCause, run=undo_cause, time_limit=3600.0),)
