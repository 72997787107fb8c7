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
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from crm_core.auth.actor import ANONYMOUS
from crm_core.auth.session import authenticate
from crm_core.errors import Forbidden, Unauthenticated
from crm_core.i18n import Strings
from crm_core.kernel import Kernel
from crm_core.plugin import hookspecs
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork
from crm_core.web import errors, security
from crm_core.web.content import content
from crm_core.web.health import health_routes
from crm_core.web.page import Web
from crm_core.web.pages import page_routes
from crm_core.web.rest import rest_routes

_ = Strings("crm_core")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


async def provide_uow(request: Request[Any, Any, Any]) -> AsyncGenerator[UnitOfWork]:
    """Give a handler its unit of work: the actor known, the route's right checked, nothing begun yet.

    The one generator dependency: it commits before the answer is sent and rolls back on any error.
    """
    kernel: Kernel = request.app.state.kernel
    opt = request.route_handler.opt
    actor = await authenticate(kernel, request)
    allow(opt, actor)
    reading = request.method in SAFE and not opt.get("writes")
    async with (kernel.read if reading else kernel.write)(actor) as uow:
        yield uow


def allow(opt: dict[str, Any], actor: Any) -> None:
    """Raise unless the actor may use a route: Unauthenticated for nobody, Forbidden without its right."""
    if opt.get("public"):
        return
    if actor is ANONYMOUS or actor.kind == "guest":
        raise Unauthenticated(_("Please sign in."))
    if (permission := opt.get("permission")) and not actor.may(permission):
        raise Forbidden(_("You lack the right {permission}.", permission=permission))


async def demand_right(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Check the right of a route that takes no unit of work; for all others `provide_uow` does."""
    opt = handler.opt
    if connection.scope.get("method") == "OPTIONS" or not (opt.get("kind") or opt.get("permission")):
        return
    if not opt.get("public") and "uow" not in handler.parsed_fn_signature.parameters:
        allow(opt, await authenticate(connection.app.state.kernel, connection))


def create_app(kernel: Kernel, *, on_start: Iterable[Callable[[Kernel], Any]] = ()) -> Litestar:
    """Return the ASGI application; it owns the kernel from now on and closes it at shutdown.

    `on_start` are async context managers of the kernel entered for the application's life (job runner).
    """
    return attach(assemble(kernel.registry), kernel, on_start)


def assemble(registry: Registry) -> Litestar:
    """Return the application as far as it depends on plugins only: routes, templates, assets, API description."""
    app = Litestar(
        route_handlers=[
            *registry.gather(hookspecs.crm_routes),
            *rest_routes(registry),
            *page_routes(registry),
            *health_routes(),
            content,
        ],
        dependencies={"uow": Provide(provide_uow)},
        guards=[demand_right],
        exception_handlers=errors.HANDLERS,
        lifespan=[life],
        openapi_config=openapi(),
        request_max_body_size=security.BODY_LIMIT,
        debug=False,
        logging_config=None,
    )
    app.state.web, app.state.bare = Web(registry), app.asgi_handler
    return app


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
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        use_handler_docstrings=True,
        components=Components(security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}),
        security=[{"token": []}],
    )
