"""Shares of a record, and why somebody may see it, by API.

No `from __future__ import annotations` here: handlers are made in a loop and Litestar reads real types.
"""

from typing import Any
from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from crm_core.auth.actor import Actor
from crm_core.auth.rights import load_actor
from crm_core.entity import access
from crm_core.errors import Forbidden
from crm_core.features.sharing import actions, queries
from crm_core.features.sharing.schemas import Access, NewShare, ShareOut
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
Uow = NamedDependency[UnitOfWork]
EXPLAIN = "core.access.explain"


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


def options(registry: Registry, entity: Entity, kind: str) -> dict[str, Any]:
    """Return the route options: reading the entity, or the parent whose rights it has."""
    link = entity.field(entity.parent) if entity.parent else None
    name = str(getattr(link, "target", "") or entity.name)
    return {"kind": kind, "entity": entity.name, "permission": f"{name}.read"}


async def access_of(uow: UnitOfWork, entity: Entity, record_id: UUID, user_id: UUID | None) -> Access:
    """Return what a user (the actor without one) may do with a record that the actor sees, and why.

    Forbidden about others without the right `core.access.explain`; UserUnknown for nobody active.
    """
    await access.get(uow, entity, record_id)
    actor = await _whom(uow, user_id)
    return Access(actor.user_id or record_id, actor.name, await queries.explain(uow, entity, record_id, actor))


async def _whom(uow: UnitOfWork, user_id: UUID | None) -> Actor:
    if user_id is None or user_id == uow.actor.user_id:
        return uow.actor
    if not uow.actor.may(EXPLAIN):
        raise Forbidden(_("You lack the right {permission}.", permission=EXPLAIN))
    return await load_actor(uow.kernel, user_id, session=uow.session)
