"""Looking after open requests by the clock."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from crm_core.features.approvals import actions, asking, closing, notices, queries
from crm_core.features.approvals.models import Approval, Approver
from crm_core.features.approvals.schemas import ReviewApprovals
from crm_core.jobs.context import JobContext
from crm_core.uow import UnitOfWork

BATCH = 200


async def review(job: JobContext, call: ReviewApprovals) -> None:
    """Look at every open request once, each in a transaction of its own."""
    after: UUID | None = None
    while True:
        async with job.reading() as uow:
            ids = await _open(uow, after)
        for approval_id in ids:
            async with job.transaction() as uow:
                await look_at(uow, approval_id)
        if len(ids) < BATCH:
            return
        after = ids[-1]


async def _open(uow: UnitOfWork, after: UUID | None) -> Sequence[UUID]:
    query = sa.select(Approval.id).where(Approval.state == "waiting").order_by(Approval.id).limit(BATCH)
    return (await uow.session.scalars(query.where(Approval.id > after) if after else query)).all()


async def look_at(uow: UnitOfWork, approval_id: UUID) -> None:
    """Close a request that expired, is stale or whose record is gone; else see who may still decide."""
    try:
        approval = await actions.take_turn(uow, approval_id)
    except actions.ApprovalClosed:
        return  # somebody decided meanwhile
    if approval.expires_at is not None and approval.expires_at <= uow.now:
        await closing.close(uow, approval, "expired", note=closing.OUT_OF_TIME)
    elif await queries.record_of(uow, approval) is None:
        await closing.close(uow, approval, "withdrawn", note=closing.RECORD_GONE)
    elif await queries.is_stale(uow, approval):
        await closing.close(uow, approval, "stale")
    else:
        await _people(uow, approval)


async def _people(uow: UnitOfWork, approval: Approval) -> None:
    """Skip who can no longer decide, with the reason, and ask deputies of people who went away since."""
    away: list[Approver] = []
    skipped = False
    for row in [r for r in await closing.open_rows(uow, approval) if r.state == "waiting"]:
        reason = await asking.why_not(uow, approval, row.user_id)
        if reason:
            row.state, row.skipped, skipped = "skipped", reason, True
            continue
        found = await asking.deputy(uow, approval, row.user_id)
        if found != row.deputy_id:
            row.deputy_id = found
            if found is not None:
                away.append(row)
    if skipped:
        await uow.session.flush()  # the count of decisions asks the table
        await closing.settle(uow, approval)
    if away and approval.state == "waiting":
        await notices.ask_deputies(uow, approval, away)
