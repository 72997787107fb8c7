"""Opening the CRM as another user, and coming back."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.auth import viewing
from crm_core.features.users import actions
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import PageController
from crm_core.web.page import redirect

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]


class ViewingPages(PageController):
    """Looking through another user's eyes: only reading, for half an hour at most."""

    @post("/users/{user_id:uuid}/view-as", opt={"permission": viewing.RIGHT}, status_code=200)
    async def start(self, request: AnyRequest, uow: Uow, user_id: FromPath[UUID]) -> Response[Any]:
        """Begin, and go to the start page as that user sees it."""
        await actions.start_viewing(uow, user_id)
        return await redirect(request, uow, "/")

    @post("/viewing/end", opt={"as_self": True, "signed_in": True}, status_code=200)
    async def end(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Come back to one's own view."""
        user_id = await actions.end_viewing(uow)
        return await redirect(request, uow, f"/users/{user_id}" if user_id else "/")
