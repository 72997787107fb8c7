"""Log-in, the second step, log-out, and first set-up."""

import logging
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from crm_core.auth.actor import ANONYMOUS
from crm_core.auth.passwords import HINT
from crm_core.auth.session import cookie
from crm_core.db.tables import NOBODY
from crm_core.errors import Invalid, NotFound, RateLimited
from crm_core.features.identities import public as identities
from crm_core.features.session import actions, second_factor, sign_in
from crm_core.features.session.requests import (
    NO_STORE,
    AnyRequest,
    answered,
    entered,
    kernel_of,
    local_path,
    posted,
    refused,
    step_name,
    step_of,
    to,
    visitor,
)
from crm_core.features.session.settings import rules
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import PageController
from crm_core.web.errors import accepted
from crm_core.web.page import page

_ = Strings("crm_core")
log = logging.getLogger(__name__)


async def ways(uow: UnitOfWork) -> dict[str, Any]:
    """Return by which ways the log-in page offers to sign in."""
    found = await identities.ways_in(uow)
    return {"ways": found, "passwords_off": bool(found) and (await rules(uow)).passwords_off}


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
        return await page(request, uow, "core/login.html", problem=None, email="", next=target, **await ways(uow))

    @post("/login", opt={"public": True})
    async def login(self, request: AnyRequest) -> Response[Any]:
        """Start a session, or lead on to the second factor."""
        email, password, target = await posted(request, "email", "password", "next")
        try:
            entry = await sign_in.sign_in(kernel_of(request), email, password, visitor(request))
        except (sign_in.SignInRefused, RateLimited) as problem:
            async with kernel_of(request).read(ANONYMOUS) as uow:
                context = {"email": email, "next": local_path(target), **await ways(uow)}
            return await refused(request, "core/login.html", problem, **context)
        return entered(request, entry, target)

    @post("/logout", opt={"public": True, "as_self": True})
    async def logout(self, request: AnyRequest, uow: NamedDependency[UnitOfWork]) -> Response[Any]:
        """End the session; without one there is nothing to do."""
        await sign_in.sign_out(uow)
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
        context: dict[str, Any] = {"problem": None, "name": "", "email": "", "asks_code": bool(code), "hint": HINT}
        return await page(request, uow, "core/setup.html", **context)

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
            context: dict[str, Any] = {
                "name": name,
                "email": email,
                "asks_code": bool(actions.set_up_code(kernel)),
                "hint": HINT,
            }
            return await refused(request, "core/setup.html", problem, **context)
        return to("/", **{"set-cookie": cookie(kernel.config, token)})


class SecondStepPages(PageController):
    """Between the right password and a session: the code, or setting the second factor up."""

    path = "/login"

    @get("/code", opt={"public": True})
    async def show_code(self, request: AnyRequest) -> Response[Any]:
        """Ask for the code; without a step it begins at the password again."""
        target = local_path(request.query_params.get("next", "/"))
        try:
            await sign_in.person_at(kernel_of(request), step_of(request))
        except sign_in.StepNotValid:
            return to("/login")
        return await answered(request, "core/login_code.html", problem=None, next=target)

    @post("/code", opt={"public": True})
    async def code(self, request: AnyRequest) -> Response[Any]:
        """Take the code and start the session."""
        code, target = await posted(request, "code", "next")
        try:
            entry = await sign_in.second_step(kernel_of(request), step_of(request), code, visitor(request))
        except sign_in.StepNotValid:
            return to("/login")
        except (second_factor.CodeWrong, RateLimited) as problem:
            return await refused(request, "core/login_code.html", problem, next=local_path(target))
        return entered(request, entry, target)

    @get("/enrol", opt={"public": True})
    async def show_enrolment(self, request: AnyRequest) -> Response[Any]:
        """Ask whether to begin: a GET writes no secret."""
        target = local_path(request.query_params.get("next", "/"))
        try:
            _actor, needs = await sign_in.person_at(kernel_of(request), step_of(request))
        except sign_in.StepNotValid:
            return to("/login")
        if needs != "enrolment":
            return to("/login/code")
        return await answered(request, "core/login_enrol.html", problem=None, next=target, secret="", qr="", uri="")

    @post("/enrol", opt={"public": True}, status_code=200)
    async def enrol(self, request: AnyRequest) -> Response[Any]:
        """Show the secret, then take its first code; the recovery codes are shown once, already signed in."""
        code, target = await posted(request, "code", "next")
        kernel = kernel_of(request)
        try:
            actor, secret = await sign_in.begin_enrolment(kernel, step_of(request))
            async with kernel.read(actor) as uow:
                uri, qr = await second_factor.label_of(uow, actor.user_id or NOBODY, secret)
            context: dict[str, Any] = {"next": local_path(target), "secret": secret, "qr": qr, "uri": uri}
            if not code:
                return await answered(request, "core/login_enrol.html", problem=None, **context)
            try:
                entry = await sign_in.second_step(kernel, step_of(request), code, visitor(request))
            except (second_factor.CodeWrong, RateLimited) as problem:
                return await refused(request, "core/login_enrol.html", problem, **context)
        except sign_in.StepNotValid:
            return to("/login")
        answer = await answered(request, "core/login_recovery.html", codes=entry.recovery_codes, next=context["next"])
        answer.headers["set-cookie"] = cookie(kernel.config, entry.session)
        answer.headers.update(NO_STORE)
        answer.delete_cookie(step_name(kernel.config))
        return answer
