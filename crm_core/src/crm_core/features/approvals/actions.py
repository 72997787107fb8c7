"""Asking, deciding, withdrawing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.actor import ActorKind
from crm_core.db.types import new_id
from crm_core.entity import access
from crm_core.entity.inserts import send
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.features.approvals import asking, closing, notices, queries
from crm_core.features.approvals.deputies import deputy_of
from crm_core.features.approvals.events import ApprovalRequested
from crm_core.features.approvals.models import Approval, ApprovalStep, Approver
from crm_core.features.approvals.schemas import Step
from crm_core.features.approvals.settings import ApprovalSettings
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity, Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
NEEDED = {"all": 0, "any": 1}


class ApprovalUnknown(NotFound):
    """There is no such request, or its record is not the actor's to read."""


class ApprovalClosed(Conflict):
    """The request was decided, withdrawn or expired already."""


class ApprovalStale(Conflict):
    """The record changed since it was asked about: ask again."""


class ApprovalWaiting(Conflict):
    """There is a request for the same purpose on this record already."""


class AlreadyDecided(Conflict):
    """This person decided already; one person has one voice in a step."""


class NotYoursToDecide(Forbidden):
    """The actor is not asked, or not yet."""


class NotYoursToWithdraw(Forbidden):
    """Only the requester or an administrator takes a request back."""


class NobodyCanApprove(Invalid):
    """A step has not enough people who may read the record and decide."""


class RequestNotValid(Invalid):
    """A record of no kind that is known, a field it does not have, or an expiry that is over."""


async def request_approval(
    uow: UnitOfWork,
    about: Ref,
    title: str,
    steps: Sequence[Step],
    *,
    reason: str = "",
    purpose: str = "",
    in_order: bool = True,
    expires_at: datetime | None = None,
    fields: Sequence[str] = (),
    payload_hash: str = "",
) -> Approval:
    """Ask people to approve something about a record the actor may read; return the request.

    in_order: a step begins when the one before is approved; else all begin now. fields: names of fields of the
    record; once one of them changes, the request is stale and an approval counts for nothing. payload_hash: of what
    is asked about, when the requester compares it himself (`is_approved(…, payload_hash=…)`).
    Raises NobodyCanApprove, ApprovalWaiting (one open request for a purpose on a record), RequestNotValid, NotFound.
    """
    entity = _entity(uow, about, expires_at)
    await send(uow)  # the record may be of this transaction
    record = await access.get(uow, entity, about.id)
    unknown = [n for n in fields if n not in {x.name for x in uow.registry.fields(entity)} | set(record.custom or {})]
    if unknown:
        raise RequestNotValid(_("There is no such field."), fields={"fields": ", ".join(unknown)})
    if purpose and await _is_waiting(uow, about, purpose):
        raise ApprovalWaiting(_("An approval is asked for already."))
    approval = Approval(
        id=new_id(), created_at=uow.now, entity=about.entity, record_id=about.id, purpose=purpose, title=title[:255],
        reason=reason, requested_by=uow.actor.user_id, in_order=in_order, expires_at=expires_at, fields=list(fields),
        payload_hash=payload_hash or queries.hash_of(entity, record, fields), state="waiting",
    )  # fmt: skip
    uow.session.add(approval)
    await uow.session.flush()  # the steps' foreign key needs the row
    asked = await _begin(uow, approval, steps)
    told = ApprovalRequested(
        approval_id=approval.id, title=approval.title, purpose=purpose, approver_ids=tuple(a.user_id for a in asked)
    )
    await uow.emit(told, about=[about])
    await notices.ask(uow, approval, asked)
    return approval


def _entity(uow: UnitOfWork, about: Ref, expires_at: datetime | None) -> Entity:
    entity = uow.registry.entities.get(about.entity)
    if entity is None:
        raise RequestNotValid(_("There is no such record."), fields={"about": _("There is no such record.")})
    if expires_at is not None and (expires_at.tzinfo is None or expires_at <= uow.now):
        text = _("This must be a moment to come.")
        raise RequestNotValid(text, fields={"expires_at": text})
    return entity


async def _is_waiting(uow: UnitOfWork, about: Ref, purpose: str) -> bool:
    there = sa.select(Approval.id).where(
        Approval.entity == about.entity, Approval.record_id == about.id, Approval.purpose == purpose,
        Approval.state == "waiting",
    )  # fmt: skip
    return await uow.session.scalar(there.limit(1)) is not None


async def _begin(uow: UnitOfWork, approval: Approval, steps: Sequence[Step]) -> list[Approver]:
    """Write the steps and open the first, or all; every step must be one that can be met today."""
    rows = [
        ApprovalStep(
            id=new_id(), approval_id=approval.id, position=n, asks=asking.asks_of(s), state="pending",
            needed=NEEDED[s.needed] if isinstance(s.needed, str) else s.needed,
        )
        for n, s in enumerate(steps)
    ]  # fmt: skip
    uow.session.add_all(rows)
    await uow.session.flush()  # the foreign key of those who are asked needs the rows
    asked: list[Approver] = []
    for row in rows:
        if row.position == 0 or not approval.in_order:
            able = await asking.opened(uow, approval, row)
            asked += able
            count = len(able)
        else:
            count = len([u for u in await asking.people_of(uow, row.asks) if not await _barred(uow, approval, u)])
        if not asking.can_be_met(row, count):
            text = _("Step {n}: not enough people may read this record and decide.", n=row.position + 1)
            raise NobodyCanApprove(text, fields={"steps": text})
    if not rows:
        raise NobodyCanApprove(_("Nobody is asked."), fields={"steps": _("Nobody is asked.")})
    return asked


async def _barred(uow: UnitOfWork, approval: Approval, user_id: UUID) -> bool:
    return bool(await asking.why_not(uow, approval, user_id))


async def get(uow: UnitOfWork, approval_id: UUID | None) -> Approval:
    """Return a request about a record the actor may read; ApprovalUnknown for any other."""
    found = await uow.session.scalar(sa.select(Approval).where(Approval.id == approval_id))
    if found is None or not await asking.can_read(uow, uow.actor, Ref(found.entity, found.record_id)):
        raise ApprovalUnknown(_("There is no such request."))
    return found


async def take_turn(uow: UnitOfWork, approval_id: UUID) -> Approval:
    """Return a waiting request, locked until the end of this transaction; ApprovalClosed when it waits no more.

    The first statement that writes: whoever comes second sees what the first did, on both databases.
    """
    uow.demand_write()
    turn = sa.update(Approval).where(Approval.id == approval_id, Approval.state == "waiting")
    done = await uow.session.execute(
        turn.values(turn=Approval.turn + 1), execution_options={"synchronize_session": False}
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]  # a cursor result
        raise ApprovalClosed(_("This request is not open any more."))
    locked = sa.select(Approval).where(Approval.id == approval_id).execution_options(populate_existing=True)
    return (await uow.session.scalars(locked)).one()


async def decide(
    uow: UnitOfWork, approval_id: UUID, decision: str, comment: str = "", *, channel: str = "page"
) -> Approval:
    """Approve or reject in the actor's name, or in that of somebody away whose deputy the actor is.

    decision: "approve" or "reject"; one rejection ends the request. ApprovalUnknown, ApprovalClosed, ApprovalStale,
    AlreadyDecided, NotYoursToDecide. Of two at the same moment the second finds what the first left.
    """
    await get(uow, approval_id)
    approval = await take_turn(uow, approval_id)
    if approval.expires_at is not None and approval.expires_at <= uow.now:
        raise ApprovalClosed(_("This request has expired."))
    if await queries.is_stale(uow, approval):
        raise ApprovalStale(_("The record has changed since the approval was asked for. Ask again."))
    for row in await _voices(uow, approval):
        row.state = "approved" if decision == "approve" else "rejected"
        row.comment, row.channel = comment, channel
        row.decided_by, row.decided_at = uow.actor.user_id, uow.now
    await uow.session.flush()  # the count of decisions asks the table
    await closing.settle(uow, approval, comment)
    return approval


async def _voices(uow: UnitOfWork, approval: Approval) -> list[Approver]:
    """Return the rows the actor decides now: one in each open step, their own before one they stand in for."""
    me = uow.actor.user_id
    if me is None or uow.actor.kind not in (ActorKind.user, ActorKind.token, ActorKind.guest):
        raise NotYoursToDecide(_("Only people decide."))
    own_barred = me == approval.requested_by and not (await uow.settings(ApprovalSettings)).own_requests
    rows = await closing.open_rows(uow, approval)
    found: list[Approver] = []
    voted = False
    for step_id in dict.fromkeys(r.step_id for r in rows):
        here = [r for r in rows if r.step_id == step_id]
        if any(r.decided_by == me for r in here):
            voted = True
        elif not own_barred and (mine := await _voice(uow, here, me)) is not None:
            found.append(mine)
    if not found and voted:
        raise AlreadyDecided(_("You have decided already."))
    if not found:
        raise NotYoursToDecide(_("You are not asked to decide this now."))
    return found


async def _voice(uow: UnitOfWork, rows: list[Approver], me: UUID) -> Approver | None:
    waiting = [r for r in rows if r.state == "waiting"]
    for row in waiting:
        if row.user_id == me:
            return row
    for row in waiting:
        if await deputy_of(uow, row.user_id, uow.now) == me:
            return row
    return None


async def withdraw(uow: UnitOfWork, approval_id: UUID) -> Approval:
    """Take a request back: the requester, an administrator, or our own code. ApprovalClosed, NotYoursToWithdraw."""
    found: Any = await get(uow, approval_id)
    if found.requested_by != uow.actor.user_id and not uow.actor.rights.everything:
        raise NotYoursToWithdraw(_("Only who asked for an approval withdraws it."))
    approval = await take_turn(uow, approval_id)
    await closing.close(uow, approval, "withdrawn")
    return approval
