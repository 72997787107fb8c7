"""Invitations by API."""

from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core.features.invitations import actions, queries
from crm_core.features.invitations.schemas import InvitationOut, Invite
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

Uow = NamedDependency[UnitOfWork]


class InvitationApi(ApiController):
    """Inviting people."""

    path = "/users"
    tags = ("Users",)
    permission = "core.user.create"

    @post("/invite", summary="Invite somebody")
    async def invite(self, uow: Uow, data: JSONBody[Invite]) -> InvitationOut:
        """Mail an invitation that works for a week; without mail the answer has the link to hand over."""
        made, path = await actions.invite(
            uow, data.email, name=data.name, role_ids=data.role_ids, team_id=data.team_id, locale=data.locale
        )
        return queries.invitation_out(made, uow.kernel.config.url + path if path else "")

    @get("/invitations", summary="List open invitations")
    async def show(self, uow: Uow) -> dict[str, list[InvitationOut]]:
        """Return invitations neither accepted nor revoked, newest first, never their links."""
        return {"items": [queries.invitation_out(i) for i in await queries.waiting(uow)]}

    @post("/invitations/{invitation_id:uuid}/resend", status_code=200, summary="Send an invitation again")
    async def resend(self, uow: Uow, invitation_id: FromPath[UUID]) -> InvitationOut:
        """Make a new link for another week; the old one dies."""
        made, path = await actions.resend(uow, invitation_id)
        return queries.invitation_out(made, uow.kernel.config.url + path if path else "")

    @delete("/invitations/{invitation_id:uuid}", summary="Revoke an invitation")
    async def revoke(self, uow: Uow, invitation_id: FromPath[UUID]) -> None:
        """Take an invitation back; its link dies."""
        await actions.revoke(uow, await actions.open_invitation(uow, invitation_id))
