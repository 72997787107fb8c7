"""Giving out records: the pool's turn is taken first, so that one assignment of a pool goes on at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from crm_core.auth.actor import system
from crm_core.db.types import new_id
from crm_core.entity import records
from crm_core.entity.single import holds
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.features.assignment import choosing, queries
from crm_core.features.assignment.choosing import Member
from crm_core.features.assignment.events import PoolWasEmpty
from crm_core.features.assignment.models import Assignment, MemberTurn, Pool, PoolTurn
from crm_core.features.assignment.schemas import Candidate, Receipt
from crm_core.features.notifications.public import notify
from crm_core.i18n import Strings
from crm_core.plugin.declare import Ref

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
EMPTY = "core.pool_was_empty"
GIVER = system("assignment")


class PoolUnknown(NotFound):
    """There is no such pool."""


class PoolSwitchedOff(Conflict):
    """The pool gives nothing out at present."""


class RecordNotForPool(Invalid):
    """The record is of another kind than the pool's, is not there, or the pool's filter leaves it out."""


async def assign(
    uow: UnitOfWork, pool_id: UUID, about: Ref, *, skills: Mapping[str, int] | None = None, settle: bool = True
) -> Receipt:
    """Give a record to a member of a pool; see `public.assign`. settle: not from a listener, where it was done."""
    uow.demand_write()
    if settle:  # the record, and what was given out before, must be there to be counted
        await uow.settle()
    before, uow.actor = uow.actor, GIVER
    try:
        return await _assign(uow, pool_id, about, dict(skills or {}), before.label, frozenset())
    finally:
        uow.actor = before


async def _assign(
    uow: UnitOfWork, pool_id: UUID, about: Ref, skills: dict[str, int], actor: str, seen: frozenset[UUID]
) -> Receipt:
    turn = await _take_turn(uow, pool_id)
    pool = await _pool(uow, pool_id)
    record = await _record(uow, pool, about)
    members = await queries.members(uow, pool)
    needs = {**choosing.parse_skills(pool.skills), **skills}
    skipped = {m.user_id: choosing.skip(m, needs) for m in members}
    able = [m for m in members if not skipped[m.user_id]]
    chosen, moved = choosing.choose(pool.strategy, able)
    user_id, outcome = (chosen.user_id, "assigned") if chosen else (None, "empty")
    if chosen is not None:
        await _remember(uow, pool_id, moved or [chosen], chosen.user_id, turn)
    elif pool.fallback_pool_id is not None and pool.fallback_pool_id not in seen | {pool_id}:
        next_one = await uow.session.get(Pool, pool.fallback_pool_id)
        if next_one is not None and next_one.is_active and next_one.deleted_at is None:
            await _alarm(uow, pool, about, None)
            _write(uow, pool, about, None, "passed_on", _shown(members, skipped, None), actor)
            return await _assign(uow, next_one.id, about, skills, actor, seen | {pool_id})
    if chosen is None:
        user_id = await queries.fallback(uow, pool)
        outcome = "fallback" if user_id else "empty"
        await _alarm(uow, pool, about, user_id)
    if user_id is not None:
        await records.update(uow, uow.registry.entity(about.entity), record, {"owner_id": user_id}, trusted=True)
    return _write(uow, pool, about, user_id, outcome, _shown(members, skipped, user_id), actor)


async def _take_turn(uow: UnitOfWork, pool_id: UUID) -> int:
    """Return the pool's next turn; others who want one wait here until this transaction ends."""
    made: Any = sqlite.insert if uow.db.sqlite else postgresql.insert
    row = made(PoolTurn.__table__).values(pool_id=pool_id, turn=1)
    raised = row.on_conflict_do_update(index_elements=["pool_id"], set_={"turn": PoolTurn.turn + 1})
    if await uow.session.scalar(sa.select(Pool.id).where(Pool.id == pool_id)) is None:
        raise PoolUnknown(_("There is no such pool."))
    turn = await uow.session.scalar(raised.returning(PoolTurn.turn))
    return int(turn or 0)


async def _pool(uow: UnitOfWork, pool_id: UUID) -> Pool:
    pool = await uow.session.get(Pool, pool_id)
    if pool is None or pool.deleted_at is not None:
        raise PoolUnknown(_("There is no such pool."))
    if not pool.is_active:
        raise PoolSwitchedOff(_("{name} is switched off.", name=pool.name))
    return pool


async def _record(uow: UnitOfWork, pool: Pool, about: Ref) -> Any:
    entity = uow.registry.entities.get(about.entity)
    record = await uow.session.get(entity.model, about.id) if entity is not None else None
    if entity is None or about.entity != pool.entity or record is None or record.deleted_at is not None:
        raise RecordNotForPool(_("{name} is not for this record.", name=pool.name))
    if pool.where and not await holds(uow, entity, about.id, pool.where):
        raise RecordNotForPool(_("{name} is not for this record.", name=pool.name))
    return record


async def _remember(uow: UnitOfWork, pool_id: UUID, moved: Sequence[Member], chosen: UUID, turn: int) -> None:
    """Store turns and balances: in one statement per member, of which all but one change by their weight only."""
    made: Any = sqlite.insert if uow.db.sqlite else postgresql.insert
    for m in moved:
        now = replace(m, turn=turn) if m.user_id == chosen else m
        row = {"pool_id": pool_id, "user_id": m.user_id, "turn": now.turn, "balance": now.balance}
        insert = made(MemberTurn.__table__).values(row)
        await uow.session.execute(
            insert.on_conflict_do_update(
                index_elements=["pool_id", "user_id"], set_={"turn": now.turn, "balance": now.balance}
            )
        )


def _shown(members: Sequence[Member], skipped: Mapping[UUID, str], chosen: UUID | None) -> list[Candidate]:
    return [
        Candidate(user_id=m.user_id, name=m.name, skipped=skipped[m.user_id], chosen=m.user_id == chosen, load=m.load)
        for m in members
    ]


def _write(
    uow: UnitOfWork, pool: Pool, about: Ref, user_id: UUID | None, outcome: str, shown: list[Candidate], actor: str
) -> Receipt:
    row = Assignment(
        pool_id=pool.id, pool_name=pool.name, entity=about.entity, record_id=about.id, user_id=user_id,
        strategy=pool.strategy, outcome=outcome, actor=actor, id=new_id(), created_at=uow.now,
        candidates=msgspec.to_builtins(shown),
    )  # fmt: skip
    uow.session.add(row)
    return queries.receipt(row)


async def _alarm(uow: UnitOfWork, pool: Pool, about: Ref, user_id: UUID | None) -> None:
    """Tell the pool's owner that nobody could take a record."""
    await uow.emit(PoolWasEmpty(pool_id=pool.id, pool=pool.name, user_id=user_id), about=[about])
    if pool.owner_id is not None:
        text = _("Nobody of {pool} could take a record.", pool=pool.name)
        await notify(uow, [pool.owner_id], EMPTY, about, text, event=f"{EMPTY}:{pool.id}:{uow.cause}", own=True)
