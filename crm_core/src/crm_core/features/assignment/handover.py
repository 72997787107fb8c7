"""Memberships of pools: a successor takes the place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.features.assignment.models import Pool, PoolMember
from crm_core.plugin import Handover, Held, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


async def held(uow: UnitOfWork, user_id: UUID) -> list[Held]:
    """Return the pools a user is a member of."""
    wanted = sa.select(PoolMember.id, Pool.name, Pool.id).join(Pool, Pool.id == PoolMember.pool_id)
    rows = await uow.session.execute(
        wanted.where(PoolMember.user_id == user_id, Pool.deleted_at.is_(None)).order_by(Pool.name, Pool.id)
    )
    return [Held(key=str(r[0]), title=r[1], href=f"/pools/{r[2]}") for r in rows]


async def move(uow: UnitOfWork, user_id: UUID, to: UUID, keys: Sequence[str]) -> list[str]:
    """Give the places to another user; pools that user is in already stay as they are."""
    uow.demand_write()
    taken = set(await uow.session.scalars(sa.select(PoolMember.pool_id).where(PoolMember.user_id == to)))
    mine = sa.select(PoolMember).where(PoolMember.id.in_([UUID(k) for k in keys]), PoolMember.user_id == user_id)
    moved = []
    for row in (await uow.session.scalars(mine)).all():
        if row.pool_id not in taken:
            row.user_id = to
            moved.append(str(row.id))
    return moved


async def back(uow: UnitOfWork, user_id: UUID, to: UUID, keys: Sequence[str]) -> None:
    """Give exactly these back."""
    await move(uow, to, user_id, keys)


MEMBERSHIPS = Handover(name="core.pools", label=_("Places in pools"), held=held, move=move, back=back)
