"""Where a merged record is now."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

LONGEST = 50  # merges of merges


async def successor(uow: UnitOfWork, entity: Entity, record_id: UUID) -> UUID | None:
    """Return the record that a merged one became, however often merged on; None for one that was not merged.

    The caller checks that the actor may see it.
    """
    table = entity.model.__table__
    key: UUID | None = record_id
    found: UUID | None = None
    for _hop in range(LONGEST):
        key = await uow.session.scalar(sa.select(table.c.merged_into).where(table.c.id == key))
        if key is None:
            return found
        found = key
    return None
