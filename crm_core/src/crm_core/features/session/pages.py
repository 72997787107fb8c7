"""Log-in, log-out, first set-up, and the account page: password, sessions, tokens."""

import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.auth.actor import ANONYMOUS, Actor
from crm_core.auth.session import Session, authenticate, cookie, revoke_sessions
from crm_core.errors import CrmError, Invalid, NotFound, RateLimited, Unauthenticated
from crm_core.features.session import actions, queries
from crm_core.features.session.requests import kernel_of, visitor
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import PageController
from crm_core.web.errors import accepted
from crm_core.web.page import Page, page, redirect

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
log = logging.getLogger(__name__)
DAYS = (30, 90, 365)


def local_path(text: str) -> str:
    """Return where to go after signing in: a path of ours, "/" for anything else."""
    plain = text.isprintable() and text.startswith("/") and not text.startswith(("//", "/\\")) and "\\" not in text
    return text if plain and not text.startswith(("/login", "/logout", "/setup")) else "/"


def to(path: str, **headers: str) -> Response[bytes]:
    """Return a redirect after a form was taken."""
    return Response(b"", status_code=303, headers={"location": path, "cache-control": "no-store", **headers})


async def refused(
    request: AnyRequest, template: str, problem: CrmError, actor: Actor = ANONYMOUS, **context: Any
) -> Response[str]:
    """Return the page again with what was wrong; everything was rolled back or never begun."""
    locale = actor.locale if actor.user_id else accepted(request.headers.get("accept-language", ""))
    async with kernel_of(request).read(actor, locale=locale) as uow:
        status = problem.status if isinstance(problem, RateLimited) else 422
        return Page(request, uow, template, problem=problem, **context).response(status)


async def posted(request: AnyRequest, *names: str) -> list[str]:
    """Return text fields of a submitted form, "" for missing ones and files."""
    form = await request.form()
    found = [form.get(name) for name in names]
    return [value if isinstance(value, str) else "" for value in found]


class SessionPages(PageController):
    """Pages before a session exists, and its end."""

    @get("/login", opt={"public": True})
    async def show_login(self, request: AnyRequest, uow: NamedDependency[UnitOfWork]) -> Response[Any]:
        """Show the log-in form; a new installation goes to its set-up instead."""
        if not await actions.has_users(kernel_of(request)):
            return to("/setup")
        target = local_path(request.query_params.get("next", "/"))
        if uow.actor.user_id is not None:
            return to(target)
        return await page(request, uow, "core/login.html", problem=None, email="", next=target)

    @post("/login", opt={"public": True})
    async def login(self, request: AnyRequest) -> Response[Any]:
        """Start a session."""
        email, password, target = await posted(request, "email", "password", "next")
        kernel = kernel_of(request)
        try:
            token, _user = await actions.sign_in(kernel, email, password, visitor(request))
        except (actions.SignInRefused, RateLimited) as problem:
            return await refused(request, "core/login.html", problem, email=email, next=local_path(target))
        return to(local_path(target), **{"set-cookie": cookie(kernel.config, token)})

    @post("/logout", opt={"public": True})
    async def logout(self, request: AnyRequest, uow: NamedDependency[UnitOfWork]) -> Response[Any]:
        """End the session; without one there is nothing to do."""
        await actions.sign_out(uow)
        await uow.settle()
        gone = {"set-cookie": cookie(kernel_of(request).config, ""), "clear-site-data": '"cache"'}
        return to("/login", **gone)

    @get("/setup", opt={"public": True})
    async def show_setup(self, request: AnyRequest, uow: NamedDependency[UnitOfWork]) -> Response[Any]:
        """Show the form for the first administrator, only while there is no user."""
        if await actions.has_users(kernel_of(request)):
            raise NotFound(_("This CRM is set up already. Please sign in."))
        if code := actions.set_up_code(kernel_of(request)):
            log.warning("set-up code: %s", code)
        return await page(request, uow, "core/setup.html", problem=None, name="", email="", asks_code=bool(code))

    @post("/setup", opt={"public": True})
    async def setup(self, request: AnyRequest) -> Response[Any]:
        """Make the first administrator and sign them in."""
        name, email, password, again, code = await posted(request, "name", "email", "password", "again", "code")
        kernel = kernel_of(request)
        try:
            if password != again:
                raise Invalid(_("The passwords differ."), fields={"again": _("The passwords differ.")})
            locale = accepted(request.headers.get("accept-language", ""))
            token = await actions.set_up(kernel, name, email, password, visitor(request), locale=locale, code=code)
        except (Invalid, RateLimited) as problem:
            return await refused(
                request, "core/setup.html", problem, name=name, email=email, asks_code=bool(actions.set_up_code(kernel))
            )
        return to("/", **{"set-cookie": cookie(kernel.config, token)})


class AccountPages(PageController):
    """What people look after themselves: password, sessions, tokens."""

    path = "/account"
    signed_in = True

    @get()
    async def show(self, request: AnyRequest, uow: NamedDependency[UnitOfWork]) -> Response[Any]:
        """Show sessions and tokens."""
        return await page(request, uow, "core/account.html", **(await self._context(uow)), problem=None, secret="")

    async def _context(self, uow: UnitOfWork) -> dict[str, Any]:
        return {
            "sessions": await queries.sessions_of_actor(uow),
            "tokens": await queries.tokens_of_actor(uow),
            "days": DAYS,
        }

    @post("/password")
    async def password(self, request: AnyRequest) -> Response[Any]:
        """Set one's own password; other sessions end."""
        kernel = kernel_of(request)
        actor = await authenticate(kernel, request)
        if actor.user_id is None:
            raise Unauthenticated(_("Please sign in."))
        current, new, again = await posted(request, "current", "password", "again")
        try:
            if new != again:
                raise Invalid(_("The passwords differ."), fields={"again": _("The passwords differ.")})
            address = visitor(request).address
            await actions.change_password(kernel, actor, actor.user_id, new, current=current, address=address)
        except (Invalid, actions.PasswordWrong, RateLimited) as problem:
            async with kernel.read(actor) as uow:
                context = await self._context(uow)
            return await refused(request, "core/account.html", problem, actor, **context, secret="")
        return to("/account")

    @post("/tokens")
    async def make_token(self, request: AnyRequest, uow: NamedDependency[UnitOfWork]) -> Response[Any]:
        """Make a token and show it, this once."""
        name, days, scope = await posted(request, "name", "days", "scope")
        expires_at = uow.now + timedelta(days=int(days)) if days.isdigit() and int(days) in DAYS else None
        scopes = (scope,) if scope else ()
        _row, secret = await actions.make_token(uow, name.strip() or "API", scopes=scopes, expires_at=expires_at)
        await uow.settle()
        context = await self._context(uow)
        headers = {"cache-control": "no-store"}
        return await page(request, uow, "core/account.html", headers=headers, **context, problem=None, secret=secret)

    @post("/tokens/{token_id:uuid}/revoke")
    async def end_token(
        self, request: AnyRequest, uow: NamedDependency[UnitOfWork], token_id: FromPath[UUID]
    ) -> Response[Any]:
        """Revoke a token."""
        await actions.end_token(uow, token_id)
        return await redirect(request, uow, "/account", _("The token is revoked."))

    @post("/sessions/revoke")
    async def end_others(self, request: AnyRequest, uow: NamedDependency[UnitOfWork]) -> Response[Any]:
        """End all sessions but this one."""
        await revoke_sessions(uow, Session.user_id == uow.actor.user_id, Session.id != uow.actor.session_id)
        return await redirect(request, uow, "/account", _("All other sessions are ended."))
