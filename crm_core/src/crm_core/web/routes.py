"""All routes of the application, registered at once.

Litestar makes an OPTIONS handler of its own for each path, and rebuilds its map and its tree of paths for each handler
that is registered: with 900 paths that was half of the time to start and 8 MB of the process.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType
from typing import Any

from litestar import HttpMethod, Litestar, Request, Response, Router, route
from litestar._asgi.utils import get_route_handlers
from litestar.exceptions import ImproperlyConfiguredException
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types.internal_types import RouteHandlerMapItem
from litestar.utils.helpers import unwrap_partial
from litestar.utils.path import join_paths


class Application(Litestar):
    """Litestar that registers all routes in one go; each path comes once, so it looks for no earlier handler of it."""

    def register(self, value: Any) -> None:  # type: ignore[override]  # as Litestar's own
        """Register routes as Litestar does; what is known of a function is shared by the handlers made of its code."""
        kinds: dict[Any, Any] = {}
        models: dict[Any, Any] = {}
        for made in Router.register(self, value):
            for handler in get_route_handlers(made):
                kind = _kind(handler)
                like = kinds.setdefault(kind, handler)
                if like is not handler:
                    handler._parsed_fn_signature = like.parsed_fn_signature  # noqa: SLF001 - what its property keeps
                    handler._signature_model = like.signature_model  # noqa: SLF001
                handler.on_registration(self)
                if isinstance(made, HTTPRoute) and isinstance(handler, HTTPRouteHandler):
                    key = (kind, *made.path_parameters)
                    model = models.get(key) or handler.create_kwargs_model(made.path_parameters)
                    models[key] = model
                    made.route_handler_map |= dict.fromkeys(handler.http_methods, (handler, model))
            for plugin in self.plugins.receive_route:
                plugin.receive_route(made)
        self.asgi_router.construct_routing_trie()

    @property
    def route_handler_method_map(self) -> dict[str, RouteHandlerMapItem]:
        return {}


def _kind(handler: Any) -> Any:
    """Return what handlers have in common whose parameters are parsed alike: an entity's list and another's."""
    function = unwrap_partial(handler.fn)
    if not isinstance(function, FunctionType) or function.__kwdefaults__:
        return id(handler)
    types = tuple(id(annotation) for annotation in function.__annotations__.values())
    return function.__code__, types, function.__defaults__, tuple(sorted(_provided(handler)))


def _provided(handler: Any) -> Iterable[tuple[str, int]]:
    return (
        (name, id(given)) for layer in handler.ownership_layers for name, given in (layer.dependencies or {}).items()
    )


class Routes(Router):
    """A router that keeps handlers by path and method, and leaves the making of routes to the application."""

    def __init__(self, handlers: Iterable[Any]) -> None:
        self.found: dict[str, RouteHandlerMapItem] = {}
        super().__init__(path="/", route_handlers=())
        options = self._validate_registration_value(allowed)
        for handler in handlers:
            value = self._validate_registration_value(handler)
            for path, by_method in self.get_route_handler_map(value).items():
                self._add(join_paths(["/", path]), by_method)
        for by_method in self.found.values():
            if "asgi" not in by_method and "websocket" not in by_method:
                by_method["OPTIONS"] = options  # type: ignore[assignment]  # a handler, and no router

    def _add(self, path: str, by_method: RouteHandlerMapItem) -> None:
        known = self.found.setdefault(path, {})
        if twice := (known.keys() & by_method.keys()) - {"OPTIONS"}:
            raise ImproperlyConfiguredException(f"two handlers for {path} and {', '.join(sorted(twice))}")
        known.update(by_method)

    @property
    def route_handler_method_map(self) -> dict[str, RouteHandlerMapItem]:
        return self.found

    def __deepcopy__(self, memo: object) -> Routes:
        """The application takes a copy of what it registers: nobody else has this one."""
        return self


@route("/", http_method=HttpMethod.OPTIONS, include_in_schema=False, sync_to_thread=False, opt={"public": True})
def allowed(request: Request[Any, Any, Any]) -> Response[None]:
    """Answer OPTIONS with the methods of the path."""
    template = request.scope["path_template"]
    methods = {m for r in request.app.routes if r.path_format == template for m in getattr(r, "methods", ())}
    return Response(None, status_code=204, headers={"Allow": ", ".join(sorted(methods))})
