"""The page a link in a mail opens: it shows the request, and decides by POST, once."""

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Response

from crm_core.errors import CrmError
from crm_core.features.approvals import links
from crm_core.plugin.links import PublicLink
from crm_core.uow import UnitOfWork
from crm_core.web import page
from crm_core.web.public import PublicController

AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
Link = NamedDependency[PublicLink]
TEMPLATE = "core/approval_link.html"


class ApprovalLink(PublicController):
    """One link per person asked."""

    path = "/approval/{token:str}"
    purpose = links.PURPOSE

    @get("/")
    async def show(self, request: AnyRequest, uow: Uow, link: Link) -> Response[str]:
        """Show what is asked; nothing happens."""
        return await page(request, uow, TEMPLATE, one=await links.shown(uow, link), problem=None, comment="", done="")

    @post("/", status_code=200)
    async def decide(self, request: AnyRequest, uow: Uow, link: Link) -> Response[str]:
        """Decide in the name of the link's holder; the link is used up with it."""
        form = await request.form()
        decision, comment = str(form.get("decision") or ""), str(form.get("comment") or "")
        try:
            async with uow.savepoint():
                one = await links.decide(uow, link, decision, comment)
        except CrmError as error:
            if error.status != 422:
                raise
            shown = await links.shown(uow, link)
            return await page(request, uow, TEMPLATE, status=422, one=shown, problem=error, comment=comment, done="")
        return await page(request, uow, TEMPLATE, one=one, problem=None, comment="", done=decision)
