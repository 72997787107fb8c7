"""Inviting people from the list of users."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.errors import Conflict, CrmError, Forbidden, Invalid
from crm_core.features.invitations import actions, queries
from crm_core.features.mail import public as mail
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import PageController
from crm_core.web.page import Page, page, redirect

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
TEMPLATE = "core/invitations.html"
EMPTY: dict[str, Any] = {"problem": None, "link": "", "email": "", "name": "", "chosen": (), "team": ""}


async def _context(uow: UnitOfWork) -> dict[str, Any]:
    roles, teams = await queries.choices(uow)
    names = {str(r.id): r.name for r in roles}
    return {
        "roles": roles, "teams": teams, "names": names, "waiting": await queries.waiting(uow), "now": uow.now,
        "can_mail": await mail.is_set_up(uow), **EMPTY,
    }  # fmt: skip


def _id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


class InvitationPages(PageController):
    """The form, and the invitations that wait."""

    path = "/users/invite"
    permission = "core.user.create"

    @get()
    async def show(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Show the form and who has not answered yet."""
        return await page(request, uow, TEMPLATE, **(await _context(uow)))

    @post(status_code=200)
    async def invite(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Invite somebody; without mail the page shows the link to copy."""
        form = await request.form()
        email, name, team = (str(form.get(n) or "") for n in ("email", "name", "team_id"))
        chosen = [str(v) for v in form.getall("role_ids", [])]
        ids = [found for v in chosen if (found := _id(v)) is not None]
        try:
            made, path = await actions.invite(uow, email, name=name, role_ids=ids, team_id=_id(team))
        except (Invalid, Conflict, Forbidden) as problem:  # raised before anything is written
            typed = {"email": email, "name": name, "chosen": chosen, "team": team}
            return await _again(request, uow, problem, typed)
        return await self._shown(request, uow, path, made.email)

    @post("/{invitation_id:uuid}/resend", status_code=200)
    async def resend(self, request: AnyRequest, uow: Uow, invitation_id: FromPath[UUID]) -> Response[Any]:
        """Send it again with a new link."""
        made, path = await actions.resend(uow, invitation_id)
        return await self._shown(request, uow, path, made.email)

    @post("/{invitation_id:uuid}/revoke")
    async def revoke(self, request: AnyRequest, uow: Uow, invitation_id: FromPath[UUID]) -> Response[Any]:
        """Take it back."""
        await actions.revoke(uow, await actions.open_invitation(uow, invitation_id))
        return await redirect(request, uow, "/users/invite", _("The invitation is revoked."))

    async def _shown(self, request: AnyRequest, uow: UnitOfWork, path: str, email: str) -> Response[Any]:
        if not path:
            return await redirect(request, uow, "/users/invite", _("The invitation to {email} is sent.", email=email))
        await uow.settle()
        context = {**(await _context(uow)), "link": uow.kernel.config.url + path, "email": email}
        return await page(request, uow, TEMPLATE, headers={"cache-control": "no-store"}, **context)


async def _again(request: AnyRequest, uow: UnitOfWork, problem: CrmError, typed: dict[str, Any]) -> Response[Any]:
    context = {**(await _context(uow)), "problem": problem, **typed}
    return Page(request, uow, TEMPLATE, **context).response(422)
