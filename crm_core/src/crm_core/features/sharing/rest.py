"""Shares of a record, and why somebody may see it, by API.

No `from __future__ import annotations` here: handlers are made in a loop and Litestar reads real types.
"""

from typing import Any
from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from crm_core.entity import access
from crm_core.features.sharing import actions, queries
from crm_core.features.sharing.asking import access_of, options
from crm_core.features.sharing.schemas import Access, NewShare, ShareOut
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
Uow = NamedDependency[UnitOfWork]


def api_routes(registry: Registry, entity: Entity) -> list[Any]:
    """Return the routes of one entity."""
    key, opt, noun = f"/api/v1/{entity.path}/{{record_id:uuid}}", options(registry, entity, "api"), entity.noun
    tags = [str(entity.plural)]

    @get(
        f"{key}/access", opt=opt, tags=tags, operation_id=f"explain_{entity.path}",
        summary=f"Why a user may see this {noun}",
    )  # fmt: skip
    async def explain(uow: Uow, record_id: FromPath[UUID], user: FromQuery[UUID | None] = None) -> Access:
        return await access_of(uow, entity, record_id, user)

    if not queries.shareable(entity):
        return [explain]

    @get(f"{key}/shares", opt=opt, tags=tags, operation_id=f"list_shares_of_{entity.path}", summary="List its shares")
    async def listed(uow: Uow, record_id: FromPath[UUID]) -> dict[str, list[ShareOut]]:
        await access.get(uow, entity, record_id)
        return {"items": await queries.shares_of(uow, entity, record_id)}

    @post(
        f"{key}/shares", opt=opt | {"verb": "assign"}, tags=tags, operation_id=f"share_{noun}",
        summary="Open it to a user or a team",
    )  # fmt: skip
    async def share(uow: Uow, record_id: FromPath[UUID], data: JSONBody[NewShare]) -> ShareOut:
        made = await actions.share(uow, entity, record_id, data)
        await uow.settle()
        return next(s for s in await queries.shares_of(uow, entity, record_id) if s.id == made)

    @delete(
        f"{key}/shares/{{share_id:uuid}}", opt=opt | {"verb": "assign"}, tags=tags, operation_id=f"unshare_{noun}",
        summary="Revoke a share",
    )  # fmt: skip
    async def revoke(uow: Uow, record_id: FromPath[UUID], share_id: FromPath[UUID]) -> None:
        await actions.revoke(uow, entity, record_id, share_id)

    return [explain, listed, share, revoke]
