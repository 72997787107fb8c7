"""One's own connected accounts: connecting, connecting again, giving up."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.auth.actor import Actor
from crm_core.errors import CrmError, NotFound, RateLimited
from crm_core.features.connections import actions, queries
from crm_core.features.oauth2 import public as oauth2
from crm_core.features.session.public import NO_STORE, AnyRequest, answered, kernel_of, person, to, visitor
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import PageController
from crm_core.web.page import page

_ = Strings("crm_core")
TEMPLATE = "core/connections.html"
A_MINUTE = 30
"""Trips to a provider begun or ended by one user."""
PROBLEMS = (oauth2.ExchangeRefused, oauth2.ProviderAway, RateLimited, NotFound)


class ConnectionPages(PageController):
    """Accounts at other providers that the CRM may use for this person."""

    path = "/account/connections"
    signed_in = True
    private = True

    @get()
    async def show(self, request: AnyRequest, uow: NamedDependency[UnitOfWork]) -> Response[Any]:
        """Show the accounts and where more can be connected."""
        return await page(request, uow, TEMPLATE, headers=NO_STORE, **await _own(uow), problem=None)

    @get("/notice")
    async def notice(self, request: AnyRequest, uow: NamedDependency[UnitOfWork]) -> Response[Any]:
        """Answer with what the person should do, or with nothing."""
        number = await queries.need_reconnecting(uow, uow.actor.user_id)
        if not number:
            return Response(b"", status_code=204)
        return await page(request, uow, "core/_connections_notice.html", number=number)

    @post("/{key:str}/connect", status_code=200)
    async def connect(self, request: AnyRequest, key: FromPath[str]) -> Response[Any]:
        """Send the browser to the provider."""
        return await _begin(request, key, None)

    @post("/{connection_id:uuid}/reconnect", status_code=200)
    async def reconnect(self, request: AnyRequest, connection_id: FromPath[UUID]) -> Response[Any]:
        """Send the browser to the provider to allow this very account again."""
        actor, _user = await person(request)
        async with kernel_of(request).read(actor) as uow:
            row = await actions.own(uow, connection_id)
        return await _begin(request, row.provider, connection_id)

    @get("/{key:str}/callback")
    async def callback(self, request: AnyRequest, key: FromPath[str]) -> Response[Any]:
        """Take the provider's answer; only in the session and browser that began."""
        actor, _user = await person(request)
        answer, browser = oauth2.answer_of(request), oauth2.browser_of(request)
        try:
            _limit(request, actor)
            await actions.finish(kernel_of(request), actor, key, browser, answer, visitor(request))
        except PROBLEMS as problem:
            return await _again(request, actor, problem)
        return to("/account/connections")

    @post("/{connection_id:uuid}/disconnect")
    async def disconnect(self, request: AnyRequest, connection_id: FromPath[UUID]) -> Response[Any]:
        """Give an account up."""
        actor, _user = await person(request)
        told = await actions.disconnect(kernel_of(request), actor, connection_id)
        return to("/account/connections" if told else "/account/connections?forgotten=here")


def _limit(request: AnyRequest, actor: Actor) -> None:
    kernel_of(request).limits.hit(f"connect {actor.user_id}", A_MINUTE).demand()


async def _begin(request: AnyRequest, key: str, again: UUID | None) -> Response[Any]:
    actor, _user = await person(request)
    kernel = kernel_of(request)
    try:
        _limit(request, actor)
        name, begun = await actions.begin(kernel, actor, key, oauth2.browser_of(request), again=again)
    except PROBLEMS as problem:
        return await _again(request, actor, problem)
    answer = await answered(request, "core/to_provider.html", actor=actor, name=name, address=begun.address)
    answer.headers["refresh"] = f"0;url={begun.address}"
    oauth2.keep(answer, kernel, begun.browser)
    return answer


async def _own(uow: UnitOfWork) -> dict[str, Any]:
    mine = await queries.connections_of(uow, uow.actor.user_id)
    return {"connections": mine, "providers": await queries.offered(uow)}


async def _again(request: AnyRequest, actor: Actor, problem: CrmError) -> Response[Any]:
    async with kernel_of(request).read(actor) as uow:
        context = await _own(uow)
    return await answered(request, TEMPLATE, actor=actor, status=problem.status, problem=problem, **context)
