"""The page an invitation opens: name and password, and the account is there."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from crm_core.auth.links import PublicLink
from crm_core.auth.passwords import HINT
from crm_core.errors import Invalid
from crm_core.features.invitations import actions
from crm_core.features.session.public import NO_STORE, posted
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web.page import page
from crm_core.web.public import PublicController

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
TEMPLATE = "core/invitation.html"


class InvitationPage(PublicController):
    """GET shows the form, POST makes the account. The new user signs in then, with a second factor where demanded."""

    path = "/invitation/{token:str}"
    purpose = actions.PURPOSE

    @get("/")
    async def show(
        self, request: AnyRequest, uow: NamedDependency[UnitOfWork], link: NamedDependency[PublicLink]
    ) -> Response[str]:
        """Show the form."""
        invitation = await actions.for_link(uow, link)
        context: dict[str, Any] = {
            "email": invitation.email,
            "name": invitation.name,
            "hint": HINT,
            "problem": None,
            "done": False,
        }
        return await page(request, uow, TEMPLATE, headers=NO_STORE, **context)

    @post("/", status_code=200)
    async def accept(
        self, request: AnyRequest, uow: NamedDependency[UnitOfWork], link: NamedDependency[PublicLink]
    ) -> Response[str]:
        """Make the account."""
        invitation = await actions.for_link(uow, link)
        name, password, again = await posted(request, "name", "password", "again")
        context: dict[str, Any] = {"email": invitation.email, "name": name, "hint": HINT}
        try:
            if password != again:
                raise Invalid(_("The passwords differ."), fields={"again": _("The passwords differ.")})
            await actions.accept(uow, link, name, password)
        except Invalid as problem:
            if uow.actor.link_id is None:  # too late to answer: something was written, so it is undone
                raise
            return await page(
                request, uow, TEMPLATE, status=422, headers=NO_STORE, problem=problem, done=False, **context
            )
        return await page(request, uow, TEMPLATE, headers=NO_STORE, problem=None, done=True, **context)
