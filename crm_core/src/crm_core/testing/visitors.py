"""Asks every route of a plugin as nobody, as a user without rights, and as one with the plugin's rights."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx2
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from litestar.routes import HTTPRoute

from crm_core.app import create_app
from crm_core.auth.actor import system
from crm_core.auth.people import Role, RoleGrant
from crm_core.auth.tokens import create_token
from crm_core.features.session.actions import add_user
from crm_core.plugin.declare import VERBS

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.testing.declared import Declared

NOWHERE = UUID("01890000-0000-7000-8000-000000000000")
PARAMETER = re.compile(r"\{(\w+):(\w+)\}")
VALUES = {"uuid": str(NOWHERE), "int": "1", "str": "nothing", "path": "nothing"}


def routes_of(
    kernel: Kernel, mine: Declared, app: Litestar | None = None
) -> Iterator[tuple[HTTPRoute, str, HTTPRouteHandler]]:
    """Yield (route, method, handler) of everything that answers below the plugin's paths."""
    own = [e.path for e in mine.entities] + [mine.info.name]
    heads = tuple(f"{start}/{path}" for path in own for start in ("", "/api/v1", "/public"))
    for route in (app or create_app(kernel)).routes:
        if isinstance(route, HTTPRoute) and any(route.path == h or route.path.startswith(f"{h}/") for h in heads):
            for handler in route.route_handlers:
                for method in sorted(str(m) for m in handler.http_methods if m not in ("OPTIONS", "HEAD")):
                    yield route, method, handler


def path_of(route: HTTPRoute) -> str:
    """Return a route's path with made-up values for its parameters."""
    return PARAMETER.sub(
        lambda m: VALUES.get(m.group(2), "nothing"), route.path_format if ":" in route.path_format else route.path
    )


def query_of(handler: HTTPRouteHandler) -> dict[str, str]:
    """Return made-up values for query parameters a handler needs: a bad request is refused before a bad visitor."""
    hints = typing.get_type_hints(handler.fn, include_extras=True)
    needed = [n for n, p in inspect.signature(handler.fn).parameters.items() if p.default is p.empty]
    found = {}
    for name in needed:
        kind, *marks = typing.get_args(hints.get(name)) or (None,)
        if any(isinstance(m, QueryParameter) for m in marks):
            found[name] = {UUID: str(NOWHERE), int: "1"}.get(kind, "nothing")
    return found


@dataclass
class Visitors:
    """Three clients of one application."""

    kernel: Kernel
    mine: Declared
    app: Litestar
    tokens: dict[str, str]

    @classmethod
    async def make(cls, kernel: Kernel, mine: Declared) -> Visitors:
        """Add a user without rights and one with all rights of the plugin, each with a token."""
        tokens = {"anonymous": ""}
        async with kernel.write(system("test")) as uow:
            for name, names in (("without right", []), ("with right", _rights(kernel, mine))):
                role = Role(name=f"contract {name}")
                uow.session.add(role)
                await uow.session.flush()  # grants need the role's id
                uow.session.add_all(RoleGrant(role_id=role.id, name=n, scope="all") for n in names)
                address = f"{name.replace(' ', '.')}@example.com"
                user = await add_user(uow, name, address, None, roles=(role.name,))
                await uow.settle()  # the token needs the user's row
                tokens[name] = (await create_token(uow, user.id, name))[1]
            await uow.raise_epoch("people")
        return cls(kernel, mine, create_app(kernel), tokens)

    async def faults(self) -> AsyncIterator[str]:
        """Ask every route as each visitor and yield the answers that are wrong."""
        wire = httpx2.ASGITransport(self.app, raise_app_exceptions=False)  # type: ignore[arg-type]  # Litestar's own ASGI types
        async with httpx2.AsyncClient(transport=wire, base_url=self.kernel.config.url) as client:
            for route, method, handler in routes_of(self.kernel, self.mine, self.app):
                for visitor, token in self.tokens.items():
                    headers = {"authorization": f"Bearer {token}"} if token else {}
                    body: Any = {"json": {}} if method in ("POST", "PUT", "PATCH") else {}
                    answer = await client.request(
                        method, path_of(route), headers=headers, params=query_of(handler), **body
                    )
                    if fault := wrong(visitor, handler.opt, answer.status_code):
                        yield f"{method} {path_of(route)} {visitor}: {answer.status_code}, {fault}"


def wrong(visitor: str, opt: Mapping[str, Any], status: int) -> str:
    """Say what is wrong with an answer; "" for a right one."""
    if status >= 500:
        return "a fault of the server"
    if opt.get("public"):
        return "" if status not in (401, 403) else "a public route asks for nobody's right"
    if visitor == "anonymous":
        return "" if status in (401, 302, 303) else "nobody must sign in"
    if opt.get("signed_in") and not opt.get("permission"):
        return "" if status != 401 else "somebody signed in is not known"
    if visitor == "without right":
        return "" if status in (403, 404) else "answers without the right"
    return "the right is not enough" if status in (401, 403) else ""


def _rights(kernel: Kernel, mine: Declared) -> list[str]:
    """Return every verb of the plugin's entities and every right its routes and actions ask for."""
    names = {f"{e.name}.{verb}" for e in mine.entities for verb in VERBS}
    names |= {p.name for p in mine.permissions} | {a.permission for a in mine.actions}
    names |= {str(h.opt["permission"]) for _r, _m, h in routes_of(kernel, mine) if h.opt.get("permission")}
    return sorted(names)
