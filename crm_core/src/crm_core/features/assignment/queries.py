"""A pool's members as they are now, and receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.auth.people import Role, User, UserRole
from crm_core.db.types import Id
from crm_core.entity import access
from crm_core.entity.asking import ListParams, asked, condition
from crm_core.entity.single import holds
from crm_core.entity.statements import parameter, prepared
from crm_core.features.assignment.choosing import Member, parse_skills
from crm_core.features.assignment.models import Assignment, MemberTurn, Pool, PoolMember
from crm_core.features.assignment.schemas import Candidate, Receipt
from crm_core.features.worktime.public import NoCalendar, absent, is_working
from crm_core.plugin.declare import Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

MOST = 50


async def members(uow: UnitOfWork, pool: Pool, about: Ref) -> list[Member]:
    """Return everybody of a pool in its order, with load, absence and hours of this moment, and who takes a record."""
    wanted = (
        sa.select(PoolMember, User.name, User.is_active, User.deleted_at, MemberTurn.turn, MemberTurn.balance)
        .join(User, User.id == PoolMember.user_id)
        .outerjoin(MemberTurn, (MemberTurn.pool_id == PoolMember.pool_id) & (MemberTurn.user_id == PoolMember.user_id))
        .where(PoolMember.pool_id == pool.id)
        .order_by(PoolMember.position, PoolMember.id)
        .execution_options(populate_existing=True)
    )
    rows = (await uow.session.execute(wanted)).all()
    users = {r[0].user_id for r in rows}
    away = await absent(uow, users, uow.now) if users else set()
    loads = (
        await _loads(uow, pool) if pool.strategy == "least_busy" or any(r[0].capacity is not None for r in rows) else {}
    )
    return [
        Member(
            user_id=m.user_id, name=name, position=n, weight=m.weight, capacity=m.capacity,
            load=loads.get(m.user_id, 0), skills=parse_skills(m.skills), turn=turn or 0, balance=balance or 0,
            is_paused=m.is_paused, is_active=bool(active) and gone is None, is_absent=m.user_id in away,
            is_working=not pool.in_hours or await _works(uow, m.user_id),
            takes=not m.where or await holds(uow, uow.registry.entity(about.entity), about.id, m.where),
        )
        for n, (m, name, active, gone, turn, balance) in enumerate(rows)
    ]  # fmt: skip


async def _works(uow: UnitOfWork, user_id: UUID) -> bool:
    try:
        return await is_working(uow, uow.now, user_id=user_id)
    except NoCalendar:  # without hours nobody is outside them
        return True


async def _loads(uow: UnitOfWork, pool: Pool) -> dict[UUID, int]:
    """Return how many of the pool's counted records each owner has."""
    entity = uow.registry.entity(pool.counted_entity or pool.entity)
    given = pool.counted_where or entity.open_when
    it = await asked(uow, entity, ListParams(filter=given))
    table = access.table_of(entity)

    def make() -> sa.Select[Any]:
        mine = sa.select(PoolMember.user_id).where(PoolMember.pool_id == parameter("pool", Id()))
        rows = sa.select(table.c.owner_id, sa.func.count()).where(condition(uow, it), table.c.owner_id.in_(mine))
        return rows.group_by(table.c.owner_id)

    found = await prepared(uow, ("loads", it.key), make).fetch(uow, {**it.params, "pool": pool.id})
    return {_uuid(row[0]): int(row[1]) for row in found}


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(bytes=bytes(value))


async def fallback(uow: UnitOfWork, pool: Pool) -> UUID | None:
    """Return the user who takes what nobody can, if they are switched on."""
    if pool.fallback_user_id is None:
        return None
    able = sa.select(User.id).where(User.id == pool.fallback_user_id, User.is_active, User.deleted_at.is_(None))
    return await uow.session.scalar(able)


async def in_charge(uow: UnitOfWork, pool: Pool) -> list[UUID]:
    """Return who hears that a pool was empty: its owner, the administrators when it has none who is switched on."""
    able = sa.select(User.id).where(User.is_active, User.deleted_at.is_(None))
    if pool.owner_id is not None and await uow.session.scalar(able.where(User.id == pool.owner_id)):
        return [pool.owner_id]
    mine = sa.select(UserRole.user_id).join(Role, Role.id == UserRole.role_id)
    admins = mine.where(Role.everything, Role.deleted_at.is_(None))
    return list(await uow.session.scalars(able.where(User.id.in_(admins))))


def receipt(row: Assignment) -> Receipt:
    """Return a stored receipt."""
    return Receipt(
        id=row.id, pool_id=row.pool_id, pool=row.pool_name, entity=row.entity, record_id=row.record_id,
        user_id=row.user_id, strategy=row.strategy, outcome=row.outcome, actor=row.actor, at=row.created_at,
        candidates=msgspec.convert(row.candidates, list[Candidate]),
    )  # fmt: skip


async def receipts(uow: UnitOfWork, about: Ref) -> list[Receipt]:
    """Return the receipts of a record, the latest first; NotFound when the actor may not read it."""
    await access.get(uow, uow.registry.entity(about.entity), about.id, "read")
    mine = sa.select(Assignment).where(Assignment.entity == about.entity, Assignment.record_id == about.id)
    order = (Assignment.created_at.desc(), Assignment.id.desc())
    return [receipt(row) for row in await uow.session.scalars(mine.order_by(*order).limit(MOST))]
