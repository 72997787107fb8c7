"""Requests for approval by API."""

from typing import Literal
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from crm_core.entity import access
from crm_core.errors import Invalid
from crm_core.features.approvals import actions, queries
from crm_core.features.approvals.models import Approval
from crm_core.features.approvals.schemas import ApprovalOut, Decide, NewApproval, Withdraw
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

_ = Strings("crm_core")
Uow = NamedDependency[UnitOfWork]


class ApprovalsApi(ApiController):
    """Asking, deciding, and reading requests about records the caller may read."""

    path = "/approvals"
    tags = ("Approvals",)
    signed_in = True

    @get(operation_id="list_approvals", summary="List requests for approval")
    async def show_all(
        self, uow: Uow, which: FromQuery[Literal["waiting", "requested", "decided", "all"]] = "waiting",
        about: FromQuery[str] = "",
    ) -> dict[str, list[ApprovalOut]]:  # fmt: skip
        """Return requests, newest first, at most 200: those that wait for the caller, those the caller made or
        decided; with `about` (core.deal:<id>) those on one record, `all` of them."""
        if which == "all" and not about:
            raise Invalid(_("Say which record's requests."), fields={"about": _("This is required.")})
        found = await queries.listed(uow, which, queries.ref_of(about) if about else None)
        return {"items": await queries.out(uow, found)}

    @post(operation_id="request_approval", summary="Ask for an approval")
    async def ask(self, uow: Uow, data: JSONBody[NewApproval]) -> ApprovalOut:
        """Ask people to approve something about a record the caller may edit."""
        about = queries.ref_of(data.about)
        if entity := uow.registry.entities.get(about.entity):
            await access.get(uow, entity, about.id, "edit")
        made = await actions.request_approval(
            uow, about, data.title, data.steps, reason=data.reason, purpose=data.purpose, in_order=data.in_order,
            expires_at=data.expires_at, fields=data.fields,
        )  # fmt: skip
        return await _one(uow, made)

    @get("/{approval_id:uuid}", operation_id="get_approval", summary="Get a request with its history")
    async def show(self, uow: Uow, approval_id: FromPath[UUID]) -> ApprovalOut:
        """Return steps, people asked, their decisions and comments."""
        return await _one(uow, await actions.get(uow, approval_id))

    @post("/{approval_id:uuid}/decide", status_code=200, operation_id="decide_approval", summary="Approve or reject")
    async def decide(self, uow: Uow, approval_id: FromPath[UUID], data: JSONBody[Decide]) -> ApprovalOut:
        """Decide in the caller's name, or for somebody away whose deputy the caller is. 409 when it is too late."""
        done = await actions.decide(uow, approval_id, data.decision, data.comment, channel="api")
        return await _one(uow, done)

    @post("/{approval_id:uuid}/withdraw", status_code=200, operation_id="withdraw_approval", summary="Withdraw")
    async def withdraw(self, uow: Uow, approval_id: FromPath[UUID], data: JSONBody[Withdraw]) -> ApprovalOut:
        """Take a request back; the requester or an administrator."""
        return await _one(uow, await actions.withdraw(uow, approval_id))


async def _one(uow: UnitOfWork, approval: Approval) -> ApprovalOut:
    await uow.settle()
    (one,) = await queries.out(uow, [approval])
    return one
