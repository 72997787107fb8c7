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
CLAIMED = "assignment"


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


def claim(uow: UnitOfWork, record_id: UUID) -> None:
    """Keep automatic pools from a new record that the caller gives out."""
    uow.session.sync_session.info.setdefault(CLAIMED, set()).add(record_id)


def claimed(uow: UnitOfWork, record_id: UUID) -> bool:
    """Return whether somebody in this transaction gives the record out."""
    return record_id in uow.session.sync_session.info.get(CLAIMED, ())


async def offer(uow: UnitOfWork, pool_id: UUID, about: Ref) -> Receipt | None:
    """Give a record out as `assign` does; a pool that does not take it leaves a receipt, and the record as it is."""
    try:
        return await assign(uow, pool_id, about)
    except PoolUnknown:
        return None
    except (PoolSwitchedOff, RecordNotForPool) as error:
        pool = await uow.session.get_one(Pool, pool_id)
        if isinstance(error, PoolSwitchedOff):
            await _alarm(uow, pool, about, None)
        outcome = "switched_off" if isinstance(error, PoolSwitchedOff) else "left_out"
        return _write(uow, pool, about, None, outcome, [], uow.actor.label)


async def _assign(
    uow: UnitOfWork, pool_id: UUID, about: Ref, skills: dict[str, int], actor: str, seen: frozenset[UUID]
) -> Receipt:
    turn = await _take_turn(uow, pool_id)
    pool = await _pool(uow, pool_id)
    record = await _record(uow, pool, about)
    members = await queries.members(uow, pool, about)
    needs = {**choosing.parse_skills(pool.skills), **skills}
    skipped = {m.user_id: choosing.skip(m, needs) for m in members}
    chosen, moved = choosing.choose(pool.strategy, [m for m in members if not skipped[m.user_id]])
    shown = [_shown(m, skipped[m.user_id], needs, chosen) for m in members]
    if chosen is not None:
        await _remember(uow, pool_id, moved or [chosen], chosen.user_id, turn)
        return await _give(uow, pool, record, about, chosen.user_id, "assigned", shown, actor)
    next_one = await _next(uow, pool, about, seen | {pool_id})
    if next_one is not None:
        await _alarm(uow, pool, about, None)
        _write(uow, pool, about, None, "passed_on", shown, actor)
        receipt = await _assign(uow, next_one.id, about, skills, actor, seen | {pool_id})
        if receipt.user_id is not None or pool.fallback_user_id is None:
            return receipt
    user_id = await queries.fallback(uow, pool)
    if next_one is None:
        await _alarm(uow, pool, about, user_id)
    return await _give(uow, pool, record, about, user_id, "fallback" if user_id else "empty", shown, actor)


async def _give(
    uow: UnitOfWork, pool: Pool, record: Any, about: Ref, user_id: UUID | None, outcome: str, shown: list[Candidate],
    actor: str,
) -> Receipt:  # fmt: skip
    if user_id is not None:
        await records.update(uow, uow.registry.entity(about.entity), record, {"owner_id": user_id}, trusted=True)
    return _write(uow, pool, about, user_id, outcome, shown, actor)


async def _next(uow: UnitOfWork, pool: Pool, about: Ref, seen: frozenset[UUID]) -> Pool | None:
    """Return the pool that is asked when nobody of this one can, if it would take the record."""
    if pool.fallback_pool_id is None or pool.fallback_pool_id in seen:
        return None
    found = await uow.session.get(Pool, pool.fallback_pool_id)
    if found is None or not found.is_active or found.deleted_at is not None or found.entity != about.entity:
        return None
    if found.where and not await holds(uow, uow.registry.entity(about.entity), about.id, found.where):
        return None
    return found


async def _take_turn(uow: UnitOfWork, pool_id: UUID) -> int:
    """Return the pool's next turn; others who want one wait here until this transaction ends.

    One statement, so that whoever has read nothing yet waits in the writers' queue and holds no connection there.
    """
    made: Any = sqlite.insert if uow.db.sqlite else postgresql.insert
    there = sa.select(Pool.id, sa.literal(1, sa.BigInteger())).where(Pool.id == pool_id)
    row = made(PoolTurn.__table__).from_select(["pool_id", "turn"], there)
    raised = row.on_conflict_do_update(index_elements=["pool_id"], set_={"turn": PoolTurn.turn + 1})
    turn = await uow.session.scalar(raised.returning(PoolTurn.turn))
    if turn is None:
        raise PoolUnknown(_("There is no such pool."))
    return int(turn)


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


def _shown(m: Member, skipped: str, needs: Mapping[str, int], chosen: Member | None) -> Candidate:
    return Candidate(
        user_id=m.user_id, name=m.name, skipped=skipped, detail=choosing.detail(m, needs, skipped),
        chosen=chosen is not None and m.user_id == chosen.user_id, load=m.load,
    )  # fmt: skip


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
    """Tell the pool's owner, or the administrators in their place, that nobody could take a record.

    About the pool, which everybody may read: a record of nobody's may be hidden from them.
    """
    await uow.emit(PoolWasEmpty(pool_id=pool.id, pool=pool.name, user_id=user_id), about=[about])
    text, path = _("Nobody of {pool} could take a record.", pool=pool.name), uow.registry.entity(about.entity).path
    await notify(
        uow, await queries.in_charge(uow, pool), EMPTY, Ref("core.pool", pool.id), text, path=f"/{path}/{about.id}",
        event=f"{EMPTY}:{pool.id}:{uow.cause}", own=True,
    )  # fmt: skip
