"""What pages around signing in share: where a request comes from, what its form says, and plain answers."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response

from crm_core.auth.actor import ANONYMOUS, Actor
from crm_core.auth.session import authenticate, cookie, cookie_name
from crm_core.config import Config
from crm_core.errors import CrmError, RateLimited, Unauthenticated
from crm_core.features.session.access import demand_person
from crm_core.features.session.sign_in import STEP_LASTS, Entry, Visitor
from crm_core.i18n import Strings
from crm_core.kernel import Kernel
from crm_core.web.errors import accepted
from crm_core.web.page import Page

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
NO_STORE = {"cache-control": "no-store"}


def kernel_of(request: AnyRequest) -> Kernel:
    """Return the kernel of the application."""
    return request.app.state.kernel  # type: ignore[no-any-return]  # app.state is untyped


def visitor(request: AnyRequest) -> Visitor:
    """Return where a request comes from."""
    return Visitor(request.client.host if request.client else "", request.headers.get("user-agent", ""))


async def person(request: AnyRequest) -> tuple[Actor, UUID]:
    """Return who sends a request that takes no unit of work, because a password is compared; never a token."""
    actor = await authenticate(kernel_of(request), request)
    if actor.user_id is None:
        raise Unauthenticated(_("Please sign in."))
    demand_person(actor)
    return actor, actor.user_id


def local_path(text: str) -> str:
    """Return where to go after signing in: a path of ours, "/" for anything else."""
    plain = text.isprintable() and text.startswith("/") and not text.startswith(("//", "/\\")) and "\\" not in text
    return text if plain and not text.startswith(("/login", "/logout", "/setup")) else "/"


async def posted(request: AnyRequest, *names: str) -> list[str]:
    """Return text fields of a submitted form, "" for missing ones and files."""
    form = await request.form()
    found = [form.get(name) for name in names]
    return [value if isinstance(value, str) else "" for value in found]


def to(path: str, **headers: str) -> Response[bytes]:
    """Return a redirect after a form was taken."""
    return Response(b"", status_code=303, headers={"location": path, **NO_STORE, **headers})


async def answered(
    request: AnyRequest, template: str, *, actor: Actor = ANONYMOUS, status: int = 200, **context: Any
) -> Response[str]:
    """Return a page outside any unit of work of the handler, never kept by a cache."""
    locale = actor.locale if actor.user_id else accepted(request.headers.get("accept-language", ""))
    async with kernel_of(request).read(actor, locale=locale) as uow:
        return Page(request, uow, template, **context).response(status, NO_STORE)


async def refused(
    request: AnyRequest, template: str, problem: CrmError, actor: Actor = ANONYMOUS, **context: Any
) -> Response[str]:
    """Return the page again with what was wrong; everything was rolled back or never begun."""
    status = problem.status if isinstance(problem, RateLimited) else 422
    return await answered(request, template, actor=actor, status=status, problem=problem, **context)


def step_name(config: Config) -> str:
    """Return the name of the cookie that holds the step between password and second factor."""
    return cookie_name(config) + "-step"


def step_of(request: AnyRequest) -> str:
    """Return the step a browser is at, "" for none."""
    return request.cookies.get(step_name(kernel_of(request).config), "")


def entered(request: AnyRequest, entry: Entry, target: str) -> Response[bytes]:
    """Return where somebody goes who got this far: in, or on to the second factor."""
    config = kernel_of(request).config
    if entry.session:
        answer = to(local_path(target), **{"set-cookie": cookie(config, entry.session)})
        answer.delete_cookie(step_name(config))
        return answer
    path = "/login/enrol" if entry.needs == "enrolment" else "/login/code"
    onward = "" if local_path(target) == "/" else f"?next={quote(local_path(target), safe='/')}"
    answer = to(path + onward)
    seconds = int(STEP_LASTS.total_seconds())
    answer.set_cookie(
        step_name(config), entry.step, max_age=seconds, path="/", httponly=True, samesite="lax", secure=config.secure
    )
    return answer
