"""Saved views of a user: a successor gets them, with whom they are shared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.features.views.models import SavedView
from crm_core.plugin import Handover, Held, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


async def held(uow: UnitOfWork, user_id: UUID) -> list[Held]:
    """Return the views a user owns."""
    rows = await uow.session.scalars(sa.select(SavedView).where(SavedView.owner_id == user_id).order_by(SavedView.id))
    return [Held(key=str(r.id), title=r.name) for r in rows]


async def move(uow: UnitOfWork, user_id: UUID, to: UUID, keys: Sequence[str]) -> list[str]:
    """Give views to another user."""
    uow.demand_write()
    mine = sa.select(SavedView).where(SavedView.id.in_([UUID(k) for k in keys]), SavedView.owner_id == user_id)
    moved = []
    for view in (await uow.session.scalars(mine)).all():
        view.owner_id = to
        moved.append(str(view.id))
    return moved


async def back(uow: UnitOfWork, user_id: UUID, to: UUID, keys: Sequence[str]) -> None:
    """Give exactly these back."""
    await move(uow, to, user_id, keys)


VIEWS = Handover(name="core.views", label=_("Saved views"), held=held, move=move, back=back)
