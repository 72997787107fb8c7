"""Pipelines by API: the order of stages, and the time records have been in each.

No `from __future__ import annotations` here: handlers are made in a loop and Litestar reads real types.
"""

from typing import Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core.entity import access
from crm_core.entity import fields as f
from crm_core.features.pipelines import actions
from crm_core.features.pipelines.queries import stage_times
from crm_core.features.pipelines.schemas import Order, StageTime
from crm_core.plugin.declare import Entity
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

Uow = NamedDependency[UnitOfWork]


class StageTimes(msgspec.Struct):
    """One row per stage the record has been in, in the order in which it first came."""

    items: list[StageTime]


class PipelinesApi(ApiController):
    """What pipelines have beside the routes of every entity."""

    path = "/pipelines/{record_id:uuid}"
    permission = "core.pipeline.edit"
    tags = ("Pipelines",)

    @post("/order", status_code=204, operation_id="order_stages", summary="Put the stages of a pipeline in order")
    async def order(self, uow: Uow, record_id: FromPath[UUID], data: JSONBody[Order]) -> None:
        """Name every stage of the pipeline once, in the new order."""
        pipeline = await access.get(uow, uow.registry.entity("core.pipeline"), record_id, "edit")
        await actions.order(uow, pipeline, data)


def api_routes(registry: Registry, entity: Entity) -> list[Any]:
    """Return the route that tells how long a record has been in each stage, for entities with stages."""
    if not any(isinstance(x, f.Stage) for x in entity.fields):
        return []
    opt = {"kind": "api", "entity": entity.name, "permission": f"{entity.name}.read"}

    @get(
        f"/api/v1/{entity.path}/{{record_id:uuid}}/stage-times", opt=opt, tags=[str(entity.plural)],
        operation_id=f"stage_times_of_{entity.noun}", summary=f"How long the {entity.noun} has been in each stage",
    )  # fmt: skip
    async def times(uow: Uow, record_id: FromPath[UUID]) -> StageTimes:
        await access.get(uow, entity, record_id)
        return StageTimes(items=await stage_times(uow, entity, record_id))

    return [times]
