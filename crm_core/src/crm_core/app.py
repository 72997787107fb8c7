"""Assembles the web application from a kernel."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Router
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from crm_core.auth.actor import ANONYMOUS, Actor, ActorKind
from crm_core.auth.session import authenticate, demand_form_token, identify
from crm_core.auth.viewing import only_viewing
from crm_core.errors import Forbidden, Unauthenticated
from crm_core.i18n import Strings
from crm_core.kernel import Kernel
from crm_core.plugin import hookspecs
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork
from crm_core.web import errors, security
from crm_core.web.bodies import StrictRequest
from crm_core.web.content import content
from crm_core.web.health import health_routes
from crm_core.web.live import live
from crm_core.web.openapi import DescribedJson
from crm_core.web.page import Web
from crm_core.web.pages import page_routes
from crm_core.web.rest import rest_routes
from crm_core.web.routes import Application, Routes

_ = Strings("crm_core")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


async def provide_uow(request: Request[Any, Any, Any]) -> AsyncGenerator[UnitOfWork]:
    """Give a handler its unit of work: `admit` knows the actor and has checked the route's right; nothing is begun yet.

    The one generator dependency: it commits before the answer is sent and rolls back on any error.
    """
    kernel: Kernel = request.app.state.kernel
    opt = request.route_handler.opt
    actor = await authenticate(kernel, request)
    actor = actor.behind if opt.get("as_self") else actor
    reading = request.method in SAFE and not opt.get("writes")
    async with (kernel.read if reading else kernel.write)(actor) as uow:
        yield uow
    if not reading and uow.has_effects:
        request.scope["cause"] = uow.cause  # type: ignore[typeddict-unknown-key]  # ours: the answer's Cause-Id


def allow(opt: dict[str, Any], actor: Actor) -> None:
    """Raise unless the actor may use a route: Unauthenticated for nobody, Forbidden without its right."""
    if opt.get("public"):
        return
    if actor is ANONYMOUS or actor.kind == "guest":
        raise Unauthenticated(_("Please sign in."))
    if actor.only_reads and opt.get("private"):
        raise only_viewing(actor)
    permission = str(opt.get("permission", ""))
    if permission and not actor.may(permission):
        raise Forbidden(_("You lack the right {permission}.", permission=permission))
    if verb := opt.get("verb"):
        _allow_verb(actor, permission.rpartition(".")[0] or opt["entity"], verb, opt["entity"])


def _allow_verb(actor: Actor, rights: str, verb: str, entity: str) -> None:
    """Refuse what no record could allow: a token's scopes without the verb, creating without the right to."""
    word = "read" if verb in ("read", "export") else "write"
    narrowed = actor.scopes and not actor.scopes & {word, rights, f"{rights}.{verb}"}
    if narrowed or (verb == "create" and rights == entity and not actor.may(f"{rights}.create")):
        raise Forbidden(_("You lack the right {permission}.", permission=f"{rights}.{verb}"))


async def admit(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Let a request in: who sends it, how often, the route's right, the form's token - before its body is read.

    Public links know their guest by themselves; of other public routes those with a unit of work know the actor.
    """
    opt, scope = handler.opt, connection.scope
    public = opt.get("public")
    if scope.get("method") == "OPTIONS" or opt.get("kind") == "public":
        return
    if public and "uow" not in handler.parsed_fn_signature.parameters:
        return
    kernel: Kernel = connection.app.state.kernel
    actor = await identify(kernel, scope)
    if actor.kind is ActorKind.token and kernel.config.api_limit:
        usage = kernel.limits.hit(f"token {actor.session_id}", kernel.config.api_limit)
        scope["usage"] = usage  # type: ignore[typeddict-unknown-key]  # ours
        usage.demand()
    if not public:
        allow(opt, actor.behind if opt.get("as_self") else actor)
    await demand_form_token(scope, actor)


def create_app(kernel: Kernel, *, on_start: Iterable[Callable[[Kernel], Any]] = ()) -> Litestar:
    """Return the ASGI application; it owns the kernel from now on and closes it at shutdown.

    `on_start` are async context managers of the kernel entered for the application's life (job runner).
    """
    return attach(assemble(kernel.registry), kernel, on_start)


def assemble(registry: Registry) -> Litestar:
    """Return the application as far as it depends on plugins only: routes, templates, assets, API description."""
    handlers = [
        *registry.gather(hookspecs.crm_routes),
        *rest_routes(registry),
        *entity_routes(registry),
        *page_routes(registry),
        *health_routes(),
        content,
        live,
    ]
    app = Application(
        route_handlers=[Routes(handlers)],
        dependencies={"uow": Provide(provide_uow)},
        guards=[admit],
        exception_handlers=errors.HANDLERS,
        request_class=StrictRequest,
        lifespan=[life],
        openapi_config=openapi(),
        request_max_body_size=security.BODY_LIMIT,
        debug=False,
        logging_config=None,
    )
    app.state.web, app.state.bare = Web(registry), app.asgi_handler
    return app


def entity_routes(registry: Registry) -> list[Any]:
    """Return what plugins add to every entity."""
    found = registry.gather(hookspecs.crm_entity_routes)
    return [handler for one in found for entity in registry.entities.values() for handler in one.make(registry, entity)]


def attach(app: Litestar, kernel: Kernel, on_start: Iterable[Callable[[Kernel], Any]] = ()) -> Litestar:
    """Give an assembled application its kernel and put the guard around it."""
    app.state.kernel, app.state.on_start = kernel, tuple(on_start)
    app.asgi_handler = app.state.bare
    security.protect(app, kernel, app.state.web.assets.csp_hash)
    return app


@asynccontextmanager
async def life(app: Litestar) -> AsyncGenerator[None]:
    """Run what belongs to the application's life, and close the kernel at its end."""
    kernel: Kernel = app.state.kernel
    async with AsyncExitStack() as stack:
        stack.push_async_callback(kernel.close)
        for start in app.state.on_start:
            await stack.enter_async_context(start(kernel))
        yield


def openapi() -> OpenAPIConfig:
    """Return the description of the REST API as JSON; no page that loads scripts from elsewhere."""
    return OpenAPIConfig(
        title="CRM API",
        version="1",
        openapi_router=Router("/api/schema", route_handlers=[], opt={"public": True}, include_in_schema=False),
        render_plugins=[DescribedJson(path="/openapi.json")],
        use_handler_docstrings=True,
        components=Components(security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}),
        security=[{"token": []}],
    )
