"""The page a reset link opens."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from crm_core.auth.links import PublicLink
from crm_core.auth.passwords import HINT
from crm_core.errors import Invalid
from crm_core.features.password_resets import actions
from crm_core.features.session.public import NO_STORE, RESET, posted
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web.page import page
from crm_core.web.public import PublicController

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
TEMPLATE = "core/reset.html"


class ResetPages(PublicController):
    """GET shows the form, POST sets the password and uses the link up."""

    path = "/reset/{token:str}"
    purpose = RESET

    @get("/")
    async def show(
        self, request: AnyRequest, uow: NamedDependency[UnitOfWork], link: NamedDependency[PublicLink]
    ) -> Response[str]:
        """Show the form."""
        user = await actions.person_of(uow, link)
        context: dict[str, Any] = {"email": user.email, "hint": HINT, "problem": None, "done": False}
        return await page(request, uow, TEMPLATE, headers=NO_STORE, **context)

    @post("/", status_code=200)
    async def reset(
        self, request: AnyRequest, uow: NamedDependency[UnitOfWork], link: NamedDependency[PublicLink]
    ) -> Response[str]:
        """Set the password."""
        user = await actions.person_of(uow, link)
        password, again = await posted(request, "password", "again")
        context: dict[str, Any] = {"email": user.email, "hint": HINT}
        try:
            if password != again:
                raise Invalid(_("The passwords differ."), fields={"again": _("The passwords differ.")})
            await actions.reset(uow, link, password)
        except Invalid as problem:  # raised before anything is written
            return await page(
                request, uow, TEMPLATE, status=422, headers=NO_STORE, problem=problem, done=False, **context
            )
        return await page(request, uow, TEMPLATE, headers=NO_STORE, problem=None, done=True, **context)
