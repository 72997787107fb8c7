"""How a request comes to its end, and what each end tells whom."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.links import revoke_links
from crm_core.features.approvals import asking, notices
from crm_core.features.approvals.events import (
    ApprovalApproved,
    ApprovalExpired,
    ApprovalOutdated,
    ApprovalRejected,
    ApprovalWithdrawn,
)
from crm_core.features.approvals.models import Approval, ApprovalStep, Approver
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import Event, Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
NOBODY_LEFT = "nobody_left"
RECORD_GONE = "record_gone"
OUT_OF_TIME = "out_of_time"
NOTES: dict[str, Text] = {
    NOBODY_LEFT: _("Nobody is left who may decide."),
    RECORD_GONE: _("The record is in the trash."),
    OUT_OF_TIME: _("Nobody decided in time."),
}


async def open_rows(uow: UnitOfWork, approval: Approval) -> list[Approver]:
    """Return everybody asked in the steps that are open, as the database has them now."""
    query = (
        sa.select(Approver)
        .join(ApprovalStep, ApprovalStep.id == Approver.step_id)
        .where(Approver.approval_id == approval.id, ApprovalStep.state == "waiting")
        .order_by(ApprovalStep.position, Approver.id)
        .execution_options(populate_existing=True)
    )
    return list(await uow.session.scalars(query))


async def settle(uow: UnitOfWork, approval: Approval, comment: str = "") -> None:
    """Draw the consequences of what was decided so far: next step, approved, rejected, or nobody left."""
    while True:
        steps = await _steps(uow, approval)
        open_steps = [s for s in steps if s.state == "waiting"]
        rows = await open_rows(uow, approval)
        for step in open_steps:
            step.state = _outcome(step, [r for r in rows if r.step_id == step.id])
        if any(s.state == "rejected" for s in steps):
            await close(uow, approval, "rejected", comment=comment)
            return
        if any(s.state == NOBODY_LEFT for s in steps):
            await close(uow, approval, "expired", note=NOBODY_LEFT)
            return
        if any(s.state == "waiting" for s in steps):
            return
        following = next((s for s in steps if s.state == "pending"), None)
        if following is None:
            await close(uow, approval, "approved", comment=comment)
            return
        asked = await asking.opened(uow, approval, following)
        await notices.ask(uow, approval, asked)


def _outcome(step: ApprovalStep, rows: list[Approver]) -> str:
    """Return what became of an open step. Everybody means everybody who is not skipped, and at least one."""
    if any(r.state == "rejected" for r in rows):
        return "rejected"
    able = [r for r in rows if r.state != "skipped"]
    approved = sum(r.state == "approved" for r in rows)
    if not asking.can_be_met(step, len(able)):
        return NOBODY_LEFT
    return "approved" if approved >= (step.needed or len(able)) else "waiting"


async def _steps(uow: UnitOfWork, approval: Approval) -> list[ApprovalStep]:
    query = sa.select(ApprovalStep).where(ApprovalStep.approval_id == approval.id).order_by(ApprovalStep.position)
    return list(await uow.session.scalars(query))


async def close(uow: UnitOfWork, approval: Approval, state: str, *, comment: str = "", note: str = "") -> None:
    """End a request: links die, open steps close, the event is written, requester and those still asked hear of it."""
    asked = [r.user_id for r in await open_rows(uow, approval) if r.state == "waiting"]
    approval.state, approval.closed_at, approval.note = state, uow.now, note
    if state == "stale":
        approval.stale_at = uow.now
    for step in await _steps(uow, approval):
        if step.state in ("waiting", "pending", NOBODY_LEFT):
            step.state = "closed"
    await revoke_links(uow, Ref("core.approval", approval.id), notices.PURPOSE)
    await uow.emit(_event(approval, state, comment, note), about=[Ref(approval.entity, approval.record_id)])
    await notices.tell(uow, approval, _others(approval, asked), comment)


def _others(approval: Approval, asked: list[UUID]) -> list[UUID]:
    told = [approval.requested_by] if approval.requested_by else []
    return list(dict.fromkeys([*told, *(asked if approval.state in ("withdrawn", "stale") else [])]))


def _event(approval: Approval, state: str, comment: str, note: str) -> Event:
    key, title, purpose = approval.id, approval.title, approval.purpose
    match state:
        case "approved":
            return ApprovalApproved(approval_id=key, title=title, purpose=purpose)
        case "rejected":
            return ApprovalRejected(approval_id=key, title=title, purpose=purpose, comment=comment)
        case "expired":
            return ApprovalExpired(approval_id=key, title=title, purpose=purpose, note=note)
        case "withdrawn":
            return ApprovalWithdrawn(approval_id=key, title=title, purpose=purpose)
        case _:
            return ApprovalOutdated(approval_id=key, title=title, purpose=purpose)
