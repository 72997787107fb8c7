"""Forgotten passwords by API, for pages of one's own."""

from typing import Any

from litestar import Request, post
from litestar.params import JSONBody

from crm_core.auth.actor import ANONYMOUS
from crm_core.auth.links import guest, open_link
from crm_core.features.password_resets import actions
from crm_core.features.password_resets.schemas import AskReset, DoReset
from crm_core.features.session.public import RESET, kernel_of, visitor
from crm_core.web.controllers import ApiController
from crm_core.web.public import limit_public

AnyRequest = Request[Any, Any, Any]


class PasswordResetApi(ApiController):
    """Asking for a link, and using it."""

    path = "/password-resets"
    tags = ("Session",)

    @post(opt={"public": True}, status_code=204, summary="Ask for a password reset")
    async def ask(self, request: AnyRequest, data: JSONBody[AskReset]) -> None:
        """Mail a link if somebody has this address; the answer is the same if nobody has. 429 after three."""
        await actions.ask(kernel_of(request), data.email, visitor(request))

    @post("/use", opt={"public": True}, status_code=204, summary="Reset a password")
    async def use(self, request: AnyRequest, data: JSONBody[DoReset]) -> None:
        """Set a new password; every session of the user ends. 404 for a link that does not count (any more)."""
        kernel = kernel_of(request)
        limit_public(kernel, RESET, data.token, visitor(request).address)
        async with kernel.write(ANONYMOUS) as uow:
            link = await open_link(uow, RESET, data.token)
            uow.actor = guest(link)
            await actions.reset(uow, link, data.password)
