"""The page that asks before a record is deleted for good."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.entity import access
from crm_core.features.trash import actions
from crm_core.plugin import Strings
from crm_core.plugin.declare import Entity
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork
from crm_core.web import page, redirect

_ = Strings("crm_core")
Uow = NamedDependency[UnitOfWork]


def page_routes(registry: Registry, entity: Entity) -> list[Any]:
    """Return the page that asks before a record of an entity is deleted for good."""
    key = f"/{entity.path}/{{record_id:uuid}}/purge"
    opt = {"kind": "page", "entity": entity.name, "permission": actions.PURGE, "verb": "delete"}

    @get(key, opt=opt, include_in_schema=False)
    async def ask(request: Request[Any, Any, Any], uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        record = await access.get(uow, entity, record_id, "delete", deleted=True)
        title = str(getattr(record, entity.title, None) or "–")
        return await page(request, uow, "core/purge.html", entity=entity, id=record_id, title=title)

    @post(key, opt=opt, status_code=200, include_in_schema=False)
    async def purge(request: Request[Any, Any, Any], uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        title = await actions.purge(uow, entity, record_id)
        return await redirect(request, uow, f"/{entity.path}?trash=1", _("{title} is deleted for good.", title=title))

    return [ask, purge]
