"""The security log for administrators, one's own part of it, and what an administrator does about a user's access."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.auth.people import User
from crm_core.errors import NotFound
from crm_core.features.security_log import queries
from crm_core.features.session import public as session
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import PageController
from crm_core.web.page import page, redirect

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
TEMPLATE = "core/security_log.html"


class SecurityLogPage(PageController):
    """Everybody's events."""

    path = "/admin/security"
    permission = "core.security.read"

    @get()
    async def show(
        self, request: AnyRequest, uow: Uow, before: FromQuery[str] = "", user: FromQuery[UUID | None] = None
    ) -> Response[Any]:
        """Show events, newest first; `user` narrows them to one person."""
        found, more = await queries.security_events(uow, about=user, before=before)
        name = await uow.session.scalar(sa.select(User.name).where(User.id == user)) if user else ""
        context: dict[str, Any] = {"events": found, "more": more, "user": user, "name": name or "", "own": False}
        return await page(request, uow, TEMPLATE, path_of_log="/admin/security", **context)


class OwnSecurityPage(PageController):
    """One's own events."""

    path = "/account/security"
    signed_in = True

    @get()
    async def show(self, request: AnyRequest, uow: Uow, before: FromQuery[str] = "") -> Response[Any]:
        """Show what happened to one's own access, newest first."""
        found, more = await queries.security_events(uow, about=session.own_id(uow), before=before)
        context: dict[str, Any] = {"events": found, "more": more, "user": None, "name": "", "own": True}
        return await page(request, uow, TEMPLATE, path_of_log="/account/security", **context)


class UserSecurityPages(PageController):
    """Sessions, tokens and second factor of a user, to look after."""

    path = "/admin/users/{user_id:uuid}/security"
    permission = "core.user.set_password"

    @get()
    async def show(self, request: AnyRequest, uow: Uow, user_id: FromPath[UUID]) -> Response[Any]:
        """Show how the user gets in."""
        await session.demand_over_user(uow, user_id)
        name = await uow.session.scalar(sa.select(User.name).where(User.id == user_id))
        if name is None:
            raise NotFound(_("There is no such user."))
        context: dict[str, Any] = {
            "user_id": user_id, "name": name, "sessions": await session.sessions_of(uow, user_id),
            "tokens": await session.tokens_of(uow, user_id), "factor": await session.factor_of(uow, user_id),
        }  # fmt: skip
        return await page(request, uow, "core/user_security.html", **context)

    @post("/sessions/{session_id:uuid}/revoke")
    async def end_session(
        self, request: AnyRequest, uow: Uow, user_id: FromPath[UUID], session_id: FromPath[UUID]
    ) -> Response[Any]:
        """End one session."""
        await session.demand_over_user(uow, user_id)
        await session.end_session(uow, session_id, user_id)
        return await _back(request, uow, user_id, _("The session is ended."))

    @post("/sessions/end-all")
    async def end_all(self, request: AnyRequest, uow: Uow, user_id: FromPath[UUID]) -> Response[Any]:
        """End all sessions."""
        await session.demand_over_user(uow, user_id)
        await session.end_all_sessions(uow, user_id)
        return await _back(request, uow, user_id, _("All sessions are ended."))

    @post("/tokens/{token_id:uuid}/revoke")
    async def end_token(
        self, request: AnyRequest, uow: Uow, user_id: FromPath[UUID], token_id: FromPath[UUID]
    ) -> Response[Any]:
        """Revoke a token."""
        await session.demand_over_user(uow, user_id)
        await session.end_token(uow, token_id, user_id)
        return await _back(request, uow, user_id, _("The token is revoked."))

    @post("/second-factor/reset")
    async def reset_factor(self, request: AnyRequest, uow: Uow, user_id: FromPath[UUID]) -> Response[Any]:
        """Take the second factor away."""
        await session.demand_over_user(uow, user_id)
        await session.reset_second_factor(uow, user_id)
        return await _back(request, uow, user_id, _("The second factor is reset."))


async def _back(request: AnyRequest, uow: UnitOfWork, user_id: UUID, text: Any) -> Response[Any]:
    return await redirect(request, uow, f"/admin/users/{user_id}/security", text)
