"""The page that asks whose password was forgotten."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from crm_core.auth.actor import ANONYMOUS
from crm_core.errors import RateLimited
from crm_core.features.mail import public as mail
from crm_core.features.password_resets import actions
from crm_core.features.session.public import AnyRequest, answered, kernel_of, posted, refused, visitor
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import PageController
from crm_core.web.page import page


class ForgotPages(PageController):
    """The same answer for everybody."""

    path = "/forgot"

    @get(opt={"public": True})
    async def show(self, request: AnyRequest, uow: NamedDependency[UnitOfWork]) -> Response[Any]:
        """Show the form; without mail, whom to ask instead."""
        can_mail = await mail.is_set_up(uow)
        return await page(request, uow, "core/forgot.html", problem=None, can_mail=can_mail, asked=False)

    @post(opt={"public": True}, status_code=200)
    async def ask(self, request: AnyRequest) -> Response[Any]:
        """Say that a mail goes out if there is such an account."""
        (email,) = await posted(request, "email")
        kernel = kernel_of(request)
        async with kernel.read(ANONYMOUS) as uow:
            can_mail = await mail.is_set_up(uow)
        if not can_mail:
            return await answered(request, "core/forgot.html", problem=None, can_mail=False, asked=False)
        try:
            await actions.ask(kernel, email, visitor(request))
        except RateLimited as problem:
            return await refused(request, "core/forgot.html", problem, can_mail=True, asked=False)
        return await answered(request, "core/forgot.html", problem=None, can_mail=True, asked=True)
