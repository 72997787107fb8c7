"""The way to a provider and back, for signing in and for linking one's own account."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.auth.actor import ANONYMOUS
from crm_core.errors import CrmError, NotFound, RateLimited
from crm_core.features.identities import public as identities
from crm_core.features.oauth2 import public as oauth2
from crm_core.features.session.public import (
    NO_STORE,
    AnyRequest,
    answered,
    entered,
    kernel_of,
    local_path,
    person,
    posted,
    to,
    visitor,
)
from crm_core.features.sso import actions, queries
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import PageController
from crm_core.web.errors import accepted
from crm_core.web.page import page, redirect

_ = Strings("crm_core")
A_MINUTE = 30
"""Trips to a provider begun or ended from one address."""
PROBLEMS = (oauth2.ExchangeRefused, oauth2.ProviderAway, RateLimited, NotFound)


def limit(request: AnyRequest) -> None:
    """Count a trip before any query; TooManyRequests."""
    kernel_of(request).limits.hit(f"sso {visitor(request).address}", A_MINUTE).demand()


async def sent(request: AnyRequest, name: str, begun: oauth2.Begun, **context: Any) -> Response[Any]:
    """Return the page that leads on to a provider: `form-action` lets no form be redirected to another site."""
    answer = await answered(request, "core/to_provider.html", name=name, address=begun.address, **context)
    answer.headers["refresh"] = f"0;url={begun.address}"
    oauth2.keep(answer, kernel_of(request), begun.browser)
    return answer


class SsoPages(PageController):
    """Signing in. Both steps are open to everybody."""

    path = "/login/sso/{key:str}"

    @post(opt={"public": True}, status_code=200)
    async def begin(self, request: AnyRequest, key: FromPath[str]) -> Response[Any]:
        """Send the browser to the provider."""
        (target,) = await posted(request, "next")
        try:
            limit(request)
            browser = oauth2.browser_of(request)
            name, begun = await actions.begin(kernel_of(request), key, browser, after=local_path(target))
        except PROBLEMS as problem:
            return await _refused(request, problem, local_path(target))
        return await sent(request, name, begun)

    @get("/callback", opt={"public": True})
    async def callback(self, request: AnyRequest, key: FromPath[str]) -> Response[Any]:
        """Take the provider's answer: a session, the second step, or the log-in page again."""
        locale = accepted(request.headers.get("accept-language", ""))
        answer, browser = oauth2.answer_of(request), oauth2.browser_of(request)
        try:
            limit(request)
            entry, target = await actions.sign_in(kernel_of(request), key, browser, answer, visitor(request), locale)
        except PROBLEMS as problem:
            return await _refused(request, problem, "/")
        return entered(request, entry, target)


async def _refused(request: AnyRequest, problem: CrmError, target: str) -> Response[Any]:
    async with kernel_of(request).read(ANONYMOUS) as uow:
        ways = await identities.ways_in(uow)
    context: dict[str, Any] = {"problem": problem, "email": "", "next": target, "ways": ways, "passwords_off": False}
    return await answered(request, "core/login.html", status=problem.status, **context)


class OwnSsoPages(PageController):
    """Linking one's own account, and taking the link away."""

    path = "/account/sso"
    signed_in = True
    private = True

    @get()
    async def show(self, request: AnyRequest, uow: NamedDependency[UnitOfWork]) -> Response[Any]:
        """Show by which providers one can sign in."""
        return await page(request, uow, "core/own_sso.html", headers=NO_STORE, **await _own(uow), problem=None)

    @post("/{key:str}/link", status_code=200)
    async def begin(self, request: AnyRequest, key: FromPath[str]) -> Response[Any]:
        """Send the browser to the provider."""
        actor, _user = await person(request)
        try:
            limit(request)
            name, begun = await actions.begin(kernel_of(request), key, oauth2.browser_of(request), actor=actor)
        except PROBLEMS as problem:
            return await _own_again(request, actor, problem)
        return await sent(request, name, begun, actor=actor)

    @get("/{key:str}/callback")
    async def callback(self, request: AnyRequest, key: FromPath[str]) -> Response[Any]:
        """Take the provider's answer; only in the session that began."""
        actor, _user = await person(request)
        answer, browser = oauth2.answer_of(request), oauth2.browser_of(request)
        try:
            limit(request)
            await actions.link(kernel_of(request), actor, key, browser, answer, visitor(request))
        except PROBLEMS as problem:
            return await _own_again(request, actor, problem)
        return to("/account/sso")

    @post("/{provider_id:uuid}/unlink")
    async def unlink(
        self, request: AnyRequest, uow: NamedDependency[UnitOfWork], provider_id: FromPath[UUID]
    ) -> Response[Any]:
        """Take the link away."""
        if uow.actor.user_id is not None:
            await actions.unlink(uow, uow.actor.user_id, provider_id)
        return await redirect(request, uow, "/account/sso", _("The link is removed."))


async def _own(uow: UnitOfWork) -> dict[str, Any]:
    mine = await queries.identities_of(uow, uow.actor.user_id) if uow.actor.user_id else {}
    return {"providers": await queries.active(uow), "mine": mine}


async def _own_again(request: AnyRequest, actor: Any, problem: CrmError) -> Response[Any]:
    async with kernel_of(request).read(actor) as uow:
        context = await _own(uow)
    return await answered(request, "core/own_sso.html", actor=actor, status=problem.status, problem=problem, **context)
