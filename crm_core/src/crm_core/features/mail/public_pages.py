"""The page an unsubscribe link opens. GET shows a button, for scanners fetch every link; POST unsubscribes.

Mail programs post to the same address without the page (RFC 8058): no cookie, no form token, no redirect.
"""

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Response

from crm_core.features.mail.actions import UNSUBSCRIBE
from crm_core.features.mail.entities import suppress
from crm_core.features.mail.schemas import Reason
from crm_core.plugin.links import PublicLink, use_link
from crm_core.uow import UnitOfWork
from crm_core.web import page
from crm_core.web.public import PublicController

AnyRequest = Request[Any, Any, Any]


class Unsubscribe(PublicController):
    """One link per mail; it works as often as it is used."""

    path = "/mail/unsubscribe/{token:str}"
    purpose = UNSUBSCRIBE

    @get("/")
    async def show(
        self, request: AnyRequest, uow: NamedDependency[UnitOfWork], link: NamedDependency[PublicLink]
    ) -> Response[str]:
        """Show the address and the button."""
        return await page(request, uow, "core/unsubscribe.html", address=link.data["address"], done=False)

    @post("/", status_code=200)
    async def unsubscribe(
        self, request: AnyRequest, uow: NamedDependency[UnitOfWork], link: NamedDependency[PublicLink]
    ) -> Response[str]:
        """Stop marketing to the address of the link."""
        await use_link(uow, link)
        address = str(link.data["address"])
        await suppress(uow, address, Reason.unsubscribe, "unsubscribe link")
        return await page(request, uow, "core/unsubscribe.html", address=address, done=True)
