"""All generic pages, made from the registry."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.handlers.base import BaseRouteHandler
from litestar.params import FromPath
from litestar.response import File

from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork
from crm_core.web.assets import ASK, FOREVER, MEDIA_TYPES
from crm_core.web.form_pages import form_routes
from crm_core.web.list_pages import list_routes
from crm_core.web.page import FormInvalid, form_invalid, web_of
from crm_core.web.record_pages import record_routes
from crm_core.web.slots import filled, slots_at

AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]


@get("/static/{package:str}/{digest:str}/{file:path}", opt={"public": True}, include_in_schema=False)
async def static(
    request: AnyRequest, package: FromPath[str], digest: FromPath[str], file: FromPath[str]
) -> Response[Any]:
    """Answer with a package's static file: for ever under the present digest, asked again under another."""
    assets = web_of(request).assets
    found = assets.find(package, file)
    if found is None:
        raise NotFoundException()
    cache = FOREVER if assets.roots[package][1] == digest else ASK
    headers = {"cache-control": cache, "x-content-type-options": "nosniff"}
    media = MEDIA_TYPES[found.suffix]
    return File(found, media_type=media, content_disposition_type="inline", headers=headers)


@get("/slots/{place:str}", opt={"kind": "page", "signed_in": True}, include_in_schema=False)
async def slot_place(request: AnyRequest, uow: Uow, place: FromPath[str]) -> Response[Any]:
    """Answer with all slots of a place that are loaded, each asked in a request of its own."""
    entity = request.query_params.get("entity", "")
    web = web_of(request)
    if not slots_at(web, uow.actor, place, entity):
        return Response("", media_type="text/html")
    html = await filled(web, request, uow.actor, uow.locale, place, entity)
    return Response(html, media_type="text/html", headers={"cache-control": "private, no-cache"})


def page_routes(registry: Registry) -> list[Any]:
    """Return the pages of all entities, and those that belong to none."""
    handlers: list[Any] = [static, slot_place]
    for entity in registry.entities.values():
        handlers += [*list_routes(registry, entity), *form_routes(registry, entity), *record_routes(registry, entity)]
    for handler in handlers:
        if isinstance(handler, BaseRouteHandler):
            handler.exception_handlers = {**(handler.exception_handlers or {}), FormInvalid: form_invalid}
    return handlers
