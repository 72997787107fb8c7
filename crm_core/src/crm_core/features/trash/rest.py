"""Deleting for good by API.

No `from __future__ import annotations` here: handlers are made in a loop and Litestar reads real types.
"""

from typing import Any
from uuid import UUID

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.features.trash import actions
from crm_core.plugin.declare import Entity
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork
from crm_core.web.views import parent_of

Uow = NamedDependency[UnitOfWork]


def api_routes(registry: Registry, entity: Entity) -> list[Any]:
    """Return the route that deletes a record of an entity for good."""
    opt = {"kind": "api", "entity": entity.name, "permission": f"{parent_of(registry, entity)}.read", "verb": "delete"}

    @post(
        f"/api/v1/{entity.path}/{{record_id:uuid}}/purge", opt=opt, tags=[str(entity.plural)], status_code=204,
        operation_id=f"purge_{entity.noun}", summary=f"Delete a {entity.noun} for good that is in the trash",
    )  # fmt: skip
    async def purge(uow: Uow, record_id: FromPath[UUID]) -> None:
        await actions.purge(uow, entity, record_id)

    return [purge]
