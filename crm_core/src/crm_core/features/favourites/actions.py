"""Starring records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from crm_core.db.types import new_id
from crm_core.features.favourites.models import Favourite
from crm_core.features.notifications.public import me
from crm_core.plugin import Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

F: Any = Favourite.__table__


async def star(uow: UnitOfWork, ref: Ref) -> None:
    """Star a record that the actor may read; starring twice is starring once."""
    uow.demand_write()
    row = {
        "id": new_id(), "created_at": uow.now, "user_id": me(uow), "entity": ref.entity, "record_id": ref.id,
    }  # fmt: skip
    insert: Any = (postgresql if uow.db.dialect == "postgresql" else sqlite).insert(F).values(row)
    await uow.session.execute(insert.on_conflict_do_nothing(index_elements=["user_id", "entity", "record_id"]))


async def unstar(uow: UnitOfWork, ref: Ref) -> None:
    """Take the actor's star off a record."""
    uow.demand_write()
    mine = (F.c.user_id == me(uow), F.c.entity == ref.entity, F.c.record_id == ref.id)
    await uow.session.execute(sa.delete(F).where(*mine))
