"""What pages and API of shares ask alike: who may use a record's routes, and why somebody may see it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from crm_core.auth.actor import Actor
from crm_core.auth.rights import load_actor
from crm_core.entity import access
from crm_core.errors import Forbidden
from crm_core.features.sharing import queries
from crm_core.features.sharing.schemas import Access
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
EXPLAIN = "core.access.explain"


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
