"""Merging by API.

No `from __future__ import annotations` here: handlers are made in a loop and Litestar reads real types.
"""

from typing import Any
from uuid import UUID

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core.features.merge.actions import merge
from crm_core.features.merge.schemas import MergeIn
from crm_core.plugin.declare import Entity
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork
from crm_core.web.answers import answer
from crm_core.web.idempotency import idempotent

Uow = NamedDependency[UnitOfWork]


def api_routes(registry: Registry, entity: Entity) -> list[Any]:
    """Return the route that merges records of an entity; none where it is not declared to be mergeable."""
    if not entity.mergeable:
        return []
    opt = {"kind": "api", "entity": entity.name, "permission": f"{entity.name}.read", "verb": "edit"}

    @post(
        f"/api/v1/{entity.path}/{{record_id:uuid}}/merge", opt=opt, tags=[str(entity.plural)], status_code=200,
        operation_id=f"merge_{entity.path}", summary=f"Merge other {entity.plural} into it",
    )  # fmt: skip
    async def merge_into(
        request: Request[Any, Any, Any], uow: Uow, record_id: FromPath[UUID], data: JSONBody[MergeIn]
    ) -> Response[bytes]:
        async def run() -> Response[bytes]:
            out = await merge(uow, entity, record_id, data)
            await uow.settle()
            return answer(out)

        return await idempotent(request, uow, run)

    return [merge_into]
