"""Requests as people may see them, and whether one permits something now."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.auth.people import User
from crm_core.entity import access, query
from crm_core.errors import Invalid
from crm_core.features.approvals.deputies import deputy_of
from crm_core.features.approvals.models import Approval, ApprovalStep, Approver
from crm_core.features.approvals.schemas import ApprovalOut, ApproverOut, StepOut
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity, Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
MOST = 200
"""Requests in one answer."""


def hash_of(entity: Entity, record: Any, names: Sequence[str]) -> str:
    """Return the hash of a record's values of these fields, "" for none; base amounts, which rates move, left out."""
    if not names:
        return ""
    declared = {x.name: x for x in entity.fields}
    values: dict[str, Any] = {}
    for name in sorted(set(names)):
        columns = [c for c in declared[name].columns if not c.endswith("_base")] if name in declared else []
        for column in columns:
            values[column] = _plain(getattr(record, column))
        if not columns:
            values[name] = _plain((record.custom or {}).get(name))
    return hashlib.sha256(msgspec.json.encode(sorted(values.items()), enc_hook=str)).hexdigest()


def _plain(value: Any) -> Any:
    return format(value.normalize(), "f") if isinstance(value, Decimal) else value


async def record_of(uow: UnitOfWork, approval: Approval) -> Any:
    """Return the record a request is about, None when it is gone or its kind is."""
    entity = uow.registry.entities.get(approval.entity)
    if entity is None:
        return None
    record = await uow.session.get(entity.model, approval.record_id)
    return None if record is None or record.deleted_at is not None else record


async def is_stale(uow: UnitOfWork, approval: Approval) -> bool:
    """Return whether the record is no longer what the request was about."""
    if approval.stale_at is not None:
        return True
    if not approval.fields:
        return False
    record = await record_of(uow, approval)
    entity = uow.registry.entities.get(approval.entity)
    return record is None or entity is None or hash_of(entity, record, approval.fields) != approval.payload_hash


async def is_approved(uow: UnitOfWork, about: Ref, purpose: str, *, payload_hash: str = "") -> bool:
    """Return whether the last decision about a record permits `purpose` now.

    It does not when the record's fields named in the request have changed since, or when it was asked for another
    `payload_hash` than the caller's.
    """
    query_ = (
        sa.select(Approval)
        .where(
            Approval.entity == about.entity, Approval.record_id == about.id, Approval.purpose == purpose,
            Approval.state.in_(("approved", "rejected")),
        )
        .order_by(Approval.closed_at.desc(), Approval.id.desc())
        .limit(1)
    )  # fmt: skip
    found = await uow.session.scalar(query_)
    if found is None or found.state != "approved" or (payload_hash and found.payload_hash != payload_hash):
        return False
    return not await is_stale(uow, found)


def readable(uow: UnitOfWork, entities: Iterable[str]) -> sa.ColumnElement[bool]:
    """Return the condition on requests about records of these kinds that the actor may read."""
    terms = []
    for name in sorted(entities):
        entity = uow.registry.entities.get(name)
        if entity is None:
            continue
        table = access.table_of(entity).alias()
        seen = access.rows(uow.registry, uow.actor, entity, "read", table)
        terms.append(sa.and_(Approval.entity == name, sa.exists().where(table.c.id == Approval.record_id, seen)))
    return sa.or_(sa.false(), *terms)


def mine(user_id: UUID | None) -> sa.ColumnElement[bool]:
    """Return the condition on people asked that a user can decide for: themselves, or somebody away."""
    if user_id is None:
        return sa.false()
    return sa.and_(
        Approver.state == "waiting", sa.or_(Approver.user_id == user_id, Approver.deputy_id == user_id),
        sa.exists().where(ApprovalStep.id == Approver.step_id, ApprovalStep.state == "waiting"),
    )  # fmt: skip


async def listed(uow: UnitOfWork, which: str = "waiting", about: Ref | None = None) -> list[Approval]:
    """Return requests the actor may see, newest first.

    which: "waiting" (for the actor), "requested" (by the actor), "decided" (by the actor), "all" (needs `about`).
    """
    me = uow.actor.user_id
    conditions: list[Any] = []
    if about is not None:
        conditions += [Approval.entity == about.entity, Approval.record_id == about.id]
    if which == "waiting":
        asked = sa.select(Approver.approval_id).where(mine(me))
        conditions += [Approval.state == "waiting", Approval.id.in_(asked)]
    elif which == "requested":
        conditions.append(Approval.requested_by == me)
    elif which == "decided":
        conditions.append(Approval.id.in_(sa.select(Approver.approval_id).where(Approver.decided_by == me)))
    kinds = await uow.session.scalars(sa.select(Approval.entity).where(*conditions).distinct())
    seen = readable(uow, kinds)
    wanted = sa.select(Approval).where(*conditions, seen).order_by(Approval.id.desc()).limit(MOST)
    return list(await uow.session.scalars(wanted))


async def waiting_count(uow: UnitOfWork) -> int:
    """Return how many requests wait for the actor."""
    asked = sa.select(Approver.approval_id).where(mine(uow.actor.user_id))
    waiting = (Approval.state == "waiting", Approval.id.in_(asked))
    kinds = await uow.session.scalars(sa.select(Approval.entity).where(*waiting).distinct())
    counted = sa.select(sa.func.count()).select_from(Approval).where(*waiting, readable(uow, kinds))
    return await uow.session.scalar(counted) or 0


async def out(uow: UnitOfWork, approvals: Sequence[Approval]) -> list[ApprovalOut]:
    """Return requests with steps, people and what the actor can do about them."""
    ids = [a.id for a in approvals]
    steps = list(
        await uow.session.scalars(
            sa.select(ApprovalStep).where(ApprovalStep.approval_id.in_(ids)).order_by(ApprovalStep.position)
        )
    )
    people = list(
        await uow.session.scalars(sa.select(Approver).where(Approver.approval_id.in_(ids)).order_by(Approver.id))
    )
    users = {p.user_id for p in people} | {a.requested_by for a in approvals if a.requested_by}
    users |= {u for p in people for u in (p.decided_by, p.deputy_id) if u}
    named = await uow.session.execute(sa.select(User.id, User.name).where(User.id.in_(users)))
    names: dict[UUID, str] = {row.id: row.name for row in named}
    labels = await query.labels(uow, {Ref(a.entity, a.record_id) for a in approvals}) if approvals else {}
    return [await _out(uow, a, steps, people, names, labels) for a in approvals]


async def _out(
    uow: UnitOfWork, one: Approval, steps: list[ApprovalStep], people: list[Approver], names: dict[UUID, str],
    labels: Any,
) -> ApprovalOut:  # fmt: skip
    about, me = Ref(one.entity, one.record_id), uow.actor.user_id
    own = [p for p in people if p.approval_id == one.id]
    told = [
        StepOut(
            position=s.position, state=s.state, needed=s.needed,
            approvers=[_person(p, names) for p in own if p.step_id == s.id],
        )
        for s in steps if s.approval_id == one.id
    ]  # fmt: skip
    stale = one.state in ("waiting", "approved", "stale") and await is_stale(uow, one)
    mine_too = uow.actor.rights.everything or (me is not None and me == one.requested_by)
    return ApprovalOut(
        id=one.id, about=str(about), record_label=str(labels.get(about, "") or "–"), purpose=one.purpose,
        title=one.title, reason=one.reason, state=one.state, note=one.note, is_stale=stale,  # type: ignore[arg-type]
        in_order=one.in_order, requested_by=one.requested_by,
        requested_by_name=names.get(one.requested_by, "") if one.requested_by else "",
        created_at=one.created_at, expires_at=one.expires_at, closed_at=one.closed_at,
        may_decide=one.state == "waiting" and not stale and await _may_decide(uow, own, steps),
        may_withdraw=one.state == "waiting" and mine_too, steps=told,
    )  # fmt: skip


async def _may_decide(uow: UnitOfWork, own: list[Approver], steps: list[ApprovalStep]) -> bool:
    me = uow.actor.user_id
    live = {s.id for s in steps if s.state == "waiting"}
    waiting = [p for p in own if p.state == "waiting" and p.step_id in live]
    if me is None or uow.actor.only_reads:
        return False
    if any(p.user_id == me for p in waiting):
        return True
    for one in waiting:
        voted = any(p.step_id == one.step_id and p.decided_by == me for p in own)
        if not voted and await deputy_of(uow, one.user_id, uow.now) == me:
            return True
    return False


def _person(row: Approver, names: dict[UUID, str]) -> ApproverOut:
    return ApproverOut(
        user_id=row.user_id, name=names.get(row.user_id, ""), via=row.via, state=row.state, skipped=row.skipped,
        deputy_id=row.deputy_id, comment=row.comment, decided_by=row.decided_by, decided_at=row.decided_at,
        channel=row.channel, decided_by_name=names.get(row.decided_by, "") if row.decided_by else "",
        deputy_name=names.get(row.deputy_id, "") if row.deputy_id else "",
    )  # fmt: skip


def ref_of(text: str) -> Ref:
    """Return the reference written as "core.deal:<id>"; Invalid if it is none."""
    try:
        return Ref.parse(text)
    except ValueError as error:
        raise Invalid(_("There is no such record."), fields={"about": str(error)}) from error
