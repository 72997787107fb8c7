"""Removing a record's row for good, with the rows that name it by entity and id, and what was said and filed there."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.db.model import metadata
from crm_core.plugin import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

BESIDE = (
    "core_tagging", "core_share", "core_search", "core_stage_history", "core_favourite", "core_follow",
    "core_notification", "core_reminder", "core_match_key",
)  # fmt: skip
WITHIN = ("core.comment", "core.file")
"""Kinds of records that mean nothing without the one they are about."""


async def remove(uow: UnitOfWork, entity: Entity, key: UUID) -> None:
    """Delete a record with its comments and files, and what stands beside it; IntegrityError when others need it."""
    for kind in filter(None, map(uow.registry.entities.get, WITHIN)):
        inner = kind.model.__table__
        about = sa.select(inner.c.id).where(inner.c.parent_entity == entity.name, inner.c.parent_id == key)
        for one in list(await uow.session.scalars(about)):
            await remove(uow, kind, one)
    for name in BESIDE:
        side = metadata.tables[name]
        await uow.session.execute(sa.delete(side).where(side.c.entity == entity.name, side.c.record_id == key))
    values = metadata.tables["core_field_value"]
    await uow.session.execute(sa.delete(values).where(values.c.record_id == key))
    table = entity.model.__table__
    await uow.session.execute(sa.delete(table).where(table.c.id == key))
