"""A page as an answer: its template, what every page shows around it, and the form that came back wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import msgspec
from litestar import MediaType, Request
from litestar.response import Response

from crm_core.errors import Invalid
from crm_core.i18n import Strings
from crm_core.plugin import hookspecs
from crm_core.plugin.declare import NavItem
from crm_core.plugin.registry import Registry
from crm_core.web import htmx
from crm_core.web.assets import Assets
from crm_core.web.display import Display
from crm_core.web.slots import Breaker, slot_markup
from crm_core.web.templating import Templates

if TYPE_CHECKING:
    from crm_core.auth.actor import Actor
    from crm_core.uow import UnitOfWork
    from crm_core.web.forms import Form

_ = Strings("crm_core")
HEADERS = {"vary": htmx.VARY, "cache-control": "private, no-cache"}
TOAST = "crm-toast"


class Brand(msgspec.Struct, frozen=True, kw_only=True):
    """The organisation's logo above every menu: a PNG in base64, "" for none."""

    picture: Annotated[str, msgspec.Meta(title=str(_("Logo")), max_length=400_000)] = ""


@lru_cache(maxsize=4)
def logo_path(picture: str) -> str:
    """Return the address of a logo, "" for none; another picture has another address, so browsers may keep it."""
    return f"/logo/{sha256(picture.encode()).hexdigest()[:16]}.png" if picture else ""


class Web:
    """What pages need beside the database, made once at start-up; `app.state.web`."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.assets = Assets(registry.package_names())
        self.templates = Templates(registry, self.assets)
        self.breaker = Breaker()
        self.paths = {e.name: e.path for e in registry.entities.values()}
        self.nav = tuple(sorted(_nav(registry), key=lambda item: (item.order, str(item.label))))

    def nav_of(self, actor: Actor) -> list[NavItem]:
        """Return the menu entries the actor may use."""
        return [n for n in self.nav if not n.permission or actor.may(n.permission)]


def _nav(registry: Registry) -> list[NavItem]:
    declared = list(registry.gather(hookspecs.crm_nav))
    taken = {n.href for n in declared}
    declared += [
        NavItem(
            label=entity.plural,
            href=f"/{entity.path}",
            icon=entity.icon,
            order=entity.order,
            permission="" if entity.public_read else f"{entity.name}.read",
            group="" if entity.field("owner_id") is not None else "Administration",
        )
        for entity in registry.entities.values()
        if entity.in_menu and not entity.parent and f"/{entity.path}" not in taken
    ]
    return declared


def web_of(request: Request[Any, Any, Any]) -> Web:
    """Return what create_app put beside the routes."""
    return request.app.state.web  # type: ignore[no-any-return]  # app.state is untyped


def csrf_token(request: Request[Any, Any, Any]) -> str:
    """Return the token a form of this session must carry, "" before a session exists."""
    return str(request.scope.get("csrf_token") or "")


class Page:
    """A page with everything it needs loaded; rendering it touches no database."""

    def __init__(self, request: Request[Any, Any, Any], uow: UnitOfWork, template: str, **context: Any) -> None:
        self.request, self.uow, self.template = request, uow, template
        self.context = context

    def render(self, block: str = "", **more: Any) -> str:
        """Return the HTML, or one block's."""
        web = web_of(self.request)
        context = {**surroundings(self.request, self.uow), **self.context, **more}
        return web.templates.render(self.template, self.uow.locale, context, block)

    def response(
        self, status: int = 200, headers: Mapping[str, str] | None = None, block: str = "", **more: Any
    ) -> Response[str]:
        """Return the answer."""
        answer = Response(
            self.render(block, **more),
            status_code=status,
            media_type=MediaType.HTML,
            headers={**HEADERS, **(headers or {})},
        )
        if not block and toasts(self.request):
            answer.delete_cookie(TOAST)  # said once
        return answer


async def page(
    request: Request[Any, Any, Any],
    uow: UnitOfWork,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    block: str = "",
    **context: Any,
) -> Response[str]:
    """Settle what was written, then answer with a rendered template (or only one `block` of it, for htmx)."""
    await uow.settle()
    await uow.settings(Brand)  # so that surroundings() finds it
    return Page(request, uow, template, **context).response(status, headers, block)


@dataclass(frozen=True, slots=True)
class Toast:
    """A short message; `undo` is the cause that its button undoes, "" for none."""

    text: str
    undo: str = ""


async def redirect(
    request: Request[Any, Any, Any], uow: UnitOfWork, path: str, toast: Any = None, *, undo: bool = False
) -> Response[Any]:
    """Settle, then send the browser to `path`; `toast` is a short message shown there, with `undo` a button that
    undoes what this request changed."""
    await uow.settle()
    answer = htmx.redirect(request, path)
    if toast is not None:
        text = _cookie(toast.to(uow.locale), str(uow.cause) if undo else "")
        answer.set_cookie(TOAST, text, max_age=20, httponly=True, samesite="lax", path="/")
    return answer


def _cookie(text: str, undo: str = "") -> str:
    return f"{undo}\n{text}".encode()[:1000].hex()


def toasts(request: Request[Any, Any, Any]) -> list[Toast]:
    """Return messages left by the request that redirected here; a page shows them and they expire by themselves."""
    try:
        undo, _line, text = bytes.fromhex(request.cookies.get(TOAST, "")).decode(errors="ignore").partition("\n")
        undo = str(UUID(undo)) if undo else ""
    except ValueError:
        return []
    return [Toast(text, undo)] if text and not htmx.is_partial(request) else []


def surroundings(request: Request[Any, Any, Any], uow: UnitOfWork | None) -> dict[str, Any]:
    """Return what layout and every template may use."""
    web = web_of(request)
    context: dict[str, Any] = {
        "request": request,
        "path": request.url.path,
        "csrf": csrf_token(request),
        "toasts": toasts(request),
        "partial": htmx.is_partial(request),
        "actor": None,
        "nav": [],
        "zone": "UTC",
        "form": None,
        "logo": "",
    }
    if uow is not None:
        brand = uow.kernel.settings_cache.get(("core.logo", None))
        context |= {
            "actor": uow.actor,
            "nav": web.nav_of(uow.actor),
            "zone": uow.zone,
            "logo": logo_path(brand[1].picture) if brand else "",
            "may": uow.actor.may,
            "display": Display(uow.locale, uow.zone, paths=web.paths),
        }
    context["slot"] = lambda place, **kw: slot_markup(web, context, place, kw)
    return context


class FormInvalid(Invalid):
    """What was typed cannot be taken: the page comes again with the form and 422 (or another status)."""

    def __init__(self, page: Page, form: Form, status: int = 422, **more: Any) -> None:
        super().__init__(_("Please check the marked fields."), fields=form.errors)
        self.page, self.form, self.answer, self.more = page, form, status, more


def form_invalid(request: Request[Any, Any, Any], problem: FormInvalid) -> Response[str]:
    """Answer with the page again; the transaction is rolled back by now."""
    return problem.page.response(problem.answer, form=problem.form, **problem.more)
