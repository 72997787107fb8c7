"""The account page: password, second factor, sessions, tokens, and what happened lately."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.auth.actor import Actor
from crm_core.auth.attempts import mark_right
from crm_core.auth.passwords import HINT
from crm_core.errors import CrmError, Forbidden, Invalid, RateLimited
from crm_core.features.session import access, actions, queries, second_factor
from crm_core.features.session.requests import (
    NO_STORE,
    AnyRequest,
    answered,
    kernel_of,
    person,
    posted,
    refused,
    to,
    visitor,
)
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import PageController
from crm_core.web.page import page, redirect

_ = Strings("crm_core")
DAYS = (30, 90, 365)
Uow = NamedDependency[UnitOfWork]


async def account(uow: UnitOfWork) -> dict[str, Any]:
    """Return what the account page shows."""
    user_id = queries.own_id(uow)
    return {
        "sessions": await queries.sessions_of(uow, user_id),
        "tokens": await queries.tokens_of(uow, user_id),
        "factor": await queries.factor_of(uow, user_id),
        "days": DAYS,
        "hint": HINT,
        "problem": None,
        "secret": "",
    }


async def _again(request: AnyRequest, actor: Actor, template: str, problem: CrmError) -> Response[Any]:
    async with kernel_of(request).read(actor) as uow:
        context = await account(uow)
        context |= await _waiting(uow)
    context.pop("problem")
    return await refused(request, template, problem, actor, **context)


async def _waiting(uow: UnitOfWork) -> dict[str, Any]:
    """Return the secret that waits for its first code with its QR code, empty texts without one."""
    user_id = queries.own_id(uow)
    # Somebody who only looks through this user's eyes must not learn the secret.
    secret = None if uow.actor.only_reads else await second_factor.pending(uow, user_id)
    uri, qr = await second_factor.label_of(uow, user_id, secret) if secret else ("", "")
    return {"waiting": secret or "", "uri": uri, "qr": qr}


class AccountPages(PageController):
    """What people look after themselves."""

    path = "/account"
    signed_in = True
    private = True

    @get()
    async def show(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Show password, second factor, sessions and tokens."""
        return await page(request, uow, "core/account.html", **(await account(uow)))

    @post("/password")
    async def password(self, request: AnyRequest) -> Response[Any]:
        """Set one's own password; other sessions end."""
        actor, user_id = await person(request)
        current, new, again = await posted(request, "current", "password", "again")
        try:
            if new != again:
                raise Invalid(_("The passwords differ."), fields={"again": _("The passwords differ.")})
            address = visitor(request).address
            await actions.change_password(kernel_of(request), actor, user_id, new, current=current, address=address)
        except (Invalid, actions.PasswordWrong, RateLimited) as problem:
            return await _again(request, actor, "core/account.html", problem)
        return to("/account")

    @post("/tokens")
    async def make_token(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Make a token and show it, this once."""
        name, days, scope = await posted(request, "name", "days", "scope")
        expires_at = uow.now + timedelta(days=int(days)) if days.isdigit() and int(days) in DAYS else None
        scopes = tuple(scope.replace(",", " ").split())
        _row, secret = await access.make_token(uow, name.strip() or "API", scopes=scopes, expires_at=expires_at)
        await uow.settle()
        context = {**(await account(uow)), "secret": secret}
        return await page(request, uow, "core/account.html", headers=NO_STORE, **context)

    @post("/tokens/{token_id:uuid}/revoke")
    async def end_token(self, request: AnyRequest, uow: Uow, token_id: FromPath[UUID]) -> Response[Any]:
        """Revoke a token."""
        await access.end_token(uow, token_id)
        return await redirect(request, uow, "/account", _("The token is revoked."))

    @post("/sessions/revoke")
    async def end_others(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """End all sessions but this one."""
        await access.end_all_sessions(uow, but_this=True)
        return await redirect(request, uow, "/account", _("All other sessions are ended."))

    @post("/sessions/end-all")
    async def end_all(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Sign out everywhere, here too."""
        await access.end_all_sessions(uow)
        return await redirect(request, uow, "/login")

    @post("/sessions/{session_id:uuid}/revoke")
    async def end_session(self, request: AnyRequest, uow: Uow, session_id: FromPath[UUID]) -> Response[Any]:
        """End one session."""
        await access.end_session(uow, session_id)
        return await redirect(request, uow, "/account", _("The session is ended."))


class SecondFactorPages(PageController):
    """Setting one's own second factor up, and taking it away."""

    path = "/account/second-factor"
    signed_in = True
    private = True

    @get()
    async def show(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Show the QR code that waits for its first code, or how things stand."""
        context = {**(await account(uow)), **(await _waiting(uow))}
        return await page(request, uow, "core/second_factor.html", headers=NO_STORE, **context)

    @post("/begin")
    async def begin(self, request: AnyRequest) -> Response[Any]:
        """Make a secret after the password was right."""
        actor, user_id = await person(request)
        (current,) = await posted(request, "current")
        kernel = kernel_of(request)
        try:
            attempt = await actions.prove_password(kernel, actor, current, visitor(request).address)
        except (Forbidden, RateLimited) as problem:
            return await _again(request, actor, "core/second_factor.html", problem)
        async with kernel.write(actor) as uow:
            await mark_right(uow, attempt)
            await second_factor.begin(uow, user_id)
        return to("/account/second-factor")

    @post("/confirm", status_code=200)
    async def confirm(self, request: AnyRequest) -> Response[Any]:
        """Turn it on with the first code and show the recovery codes, this once."""
        actor, user_id = await person(request)
        (code,) = await posted(request, "code")
        try:
            codes = await second_factor.turn_on(kernel_of(request), actor, user_id, code, visitor(request).address)
        except (Forbidden, RateLimited) as problem:
            return await _again(request, actor, "core/second_factor.html", problem)
        return await answered(request, "core/recovery_codes.html", actor=actor, codes=codes)

    @post("/codes", status_code=200)
    async def codes(self, request: AnyRequest) -> Response[Any]:
        """Show ten new recovery codes; the old ones are void."""
        return await self._with_code(request, "codes")

    @post("/off", status_code=200)
    async def off(self, request: AnyRequest) -> Response[Any]:
        """Turn the second factor off with password and code."""
        return await self._with_code(request, "off")

    async def _with_code(self, request: AnyRequest, what: Any) -> Response[Any]:
        actor, user_id = await person(request)
        current, code = await posted(request, "current", "code")
        kernel, address = kernel_of(request), visitor(request).address
        try:
            attempt = await actions.prove_password(kernel, actor, current, address)
            codes = await second_factor.change_with_code(kernel, actor, user_id, attempt, code, what, address)
        except (Forbidden, RateLimited, second_factor.SecondFactorDemanded) as problem:
            return await _again(request, actor, "core/second_factor.html", problem)
        if what == "off":
            return to("/account")
        return await answered(request, "core/recovery_codes.html", actor=actor, codes=codes)
