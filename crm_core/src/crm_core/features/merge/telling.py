"""Events about a loser are on the winner's timeline too: references beside their own, taken back by an undo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.db.model import metadata
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


def _about(entity: Entity, ids: Sequence[UUID]) -> sa.Select[UUID]:
    ref = metadata.tables["core_event_ref"]
    return sa.select(ref.c.event_id).where(ref.c.entity == entity.name, ref.c.record_id.in_(ids))


async def tell(uow: UnitOfWork, entity: Entity, winner_id: UUID, loser_ids: Sequence[UUID]) -> list[UUID]:
    """Put the losers' events onto the winner's timeline; return those that were on it already."""
    uow.demand_write()
    ref = metadata.tables["core_event_ref"]
    own = _about(entity, [winner_id])
    both = list(await uow.session.scalars(_about(entity, loser_ids).where(ref.c.event_id.in_(own)).distinct()))
    fresh = sa.select(sa.literal(entity.name), sa.literal(winner_id, ref.c.record_id.type), ref.c.event_id).where(
        ref.c.entity == entity.name, ref.c.record_id.in_(loser_ids), ref.c.event_id.not_in(own)
    )
    await uow.session.execute(sa.insert(ref).from_select(["entity", "record_id", "event_id"], fresh.distinct()))
    return both


async def untell(
    uow: UnitOfWork, entity: Entity, winner_id: UUID, loser_ids: Sequence[UUID], both: Sequence[UUID], before: UUID
) -> None:
    """Take the losers' events of before a merge off the winner's timeline, except those that were there already."""
    ref = metadata.tables["core_event_ref"]
    gone = _about(entity, loser_ids).where(ref.c.event_id < before, ref.c.event_id.not_in(both))
    taken = (ref.c.entity == entity.name, ref.c.record_id == winner_id, ref.c.event_id.in_(gone))
    await uow.session.execute(sa.delete(ref).where(*taken))
