"""Removing a record's row for good, with the rows that name it by entity and id."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.db.model import metadata
from crm_core.plugin import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

BESIDE = ("core_tagging", "core_share", "core_search", "core_stage_history")


async def remove(uow: UnitOfWork, entity: Entity, key: UUID) -> None:
    """Delete a record, its tags, shares, search row and stage history; IntegrityError when others need it."""
    for name in BESIDE:
        side = metadata.tables[name]
        await uow.session.execute(sa.delete(side).where(side.c.entity == entity.name, side.c.record_id == key))
    table = entity.model.__table__
    await uow.session.execute(sa.delete(table).where(table.c.id == key))
