"""Records that a user follows: their successor follows them too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.features.followers.models import Follow
from crm_core.features.followers.queries import labels_of
from crm_core.plugin import Handover, Held, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


async def held(uow: UnitOfWork, user_id: UUID) -> list[Held]:
    """Return the records that a user follows by choice."""
    wanted = sa.select(Follow).where(Follow.user_id == user_id, Follow.is_muted.is_(False)).order_by(Follow.id)
    rows = (await uow.session.scalars(wanted)).all()
    titles = await labels_of(uow, rows)
    return [Held(key=str(r.id), title=titles[r.id][0], href=titles[r.id][1]) for r in rows if r.id in titles]


async def move(uow: UnitOfWork, user_id: UUID, to: UUID, keys: Sequence[str]) -> list[str]:
    """Let another user follow them instead; what that user follows or has left already stays as it is."""
    return await _pass(uow, user_id, to, keys)


async def back(uow: UnitOfWork, user_id: UUID, to: UUID, keys: Sequence[str]) -> None:
    """Give exactly these back."""
    await _pass(uow, to, user_id, keys)


async def _pass(uow: UnitOfWork, old: UUID, new: UUID, keys: Sequence[str]) -> list[str]:
    uow.demand_write()
    taken = {(r.entity, r.record_id) for r in await uow.session.scalars(sa.select(Follow).where(Follow.user_id == new))}
    mine = sa.select(Follow).where(Follow.id.in_([UUID(k) for k in keys]), Follow.user_id == old)
    moved = []
    for row in (await uow.session.scalars(mine)).all():
        if (row.entity, row.record_id) not in taken:
            row.user_id = new
            moved.append(str(row.id))
    return moved


FOLLOWS = Handover(name="core.follows", label=_("Records the user follows"), held=held, move=move, back=back)
