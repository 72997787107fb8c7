"""Absences for which a user stands in: a successor stands in instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.people import User
from crm_core.features.worktime.models import Absence
from crm_core.plugin import Handover, Held, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


async def held(uow: UnitOfWork, user_id: UUID) -> list[Held]:
    """Return absences that are not over, of others, with the user as deputy."""
    wanted = sa.select(Absence.id, User.name).join(User, User.id == Absence.owner_id)
    mine = wanted.where(Absence.deputy_id == user_id, Absence.ends_at > uow.now, Absence.deleted_at.is_(None))
    rows = await uow.session.execute(mine.order_by(Absence.starts_at, Absence.id))
    return [Held(key=str(r[0]), title=r[1], href=f"/absences/{r[0]}") for r in rows]


async def move(uow: UnitOfWork, user_id: UUID, to: UUID, keys: Sequence[str]) -> list[str]:
    """Let another user stand in, but not for themselves."""
    uow.demand_write()
    mine = sa.select(Absence).where(
        Absence.id.in_([UUID(k) for k in keys]), Absence.deputy_id == user_id, Absence.owner_id != to
    )
    moved = []
    for row in (await uow.session.scalars(mine)).all():
        row.deputy_id = to
        moved.append(str(row.id))
    return moved


async def back(uow: UnitOfWork, user_id: UUID, to: UUID, keys: Sequence[str]) -> None:
    """Give exactly these back."""
    await move(uow, to, user_id, keys)


DEPUTIES = Handover(name="core.deputies", label=_("Stands in for"), held=held, move=move, back=back)
