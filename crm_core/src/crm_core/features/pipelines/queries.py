"""How many records are in a stage, and how long a record has been in each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.entity.stages import Stage, StageMove, stage_field
from crm_core.features.pipelines.rules import staged
from crm_core.features.pipelines.schemas import StageTime
from crm_core.plugin import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def stage_times(uow: UnitOfWork, entity: Entity, record_id: UUID) -> list[StageTime]:
    """Return how long a record has been in each stage, in the order in which it first entered them.

    From the history of its moves. A stage that was entered again has one row with the sum; the stage it is in now
    counts until now, unless it is a closed one, in which no time passes. The caller has looked at the rights.
    """
    wanted = (
        sa.select(StageMove.to_id, StageMove.at, Stage.name, Stage.colour, Stage.category, Stage.rotting_days)
        .outerjoin(Stage, Stage.id == StageMove.to_id)
        .where(StageMove.entity == entity.name, StageMove.record_id == record_id)
        .order_by(StageMove.at, StageMove.id)
    )
    moves = (await uow.session.execute(wanted)).all()
    found: dict[UUID, StageTime] = {}
    for number, move in enumerate(moves):
        one = found.get(move.to_id)
        if one is None:
            one = found[move.to_id] = StageTime(
                stage_id=move.to_id, stage=move.name or "", colour=move.colour or "grey", category=move.category or "",
                entered_at=move.at, rotting_days=move.rotting_days,
            )  # fmt: skip
        last = number == len(moves) - 1
        one.times += 1
        one.entered_at = move.at
        one.seconds += _passed(move.at, uow.now if last else moves[number + 1].at, stopped=last and one.is_closed)
        one.current = last
        for other in found.values():
            other.current = other is one
    return list(found.values())


def _passed(start: datetime, end: datetime, *, stopped: bool) -> int:
    return 0 if stopped else max(0, int((end - start).total_seconds()))


async def in_use(uow: UnitOfWork, stages: Iterable[UUID]) -> dict[str, tuple[int, int]]:
    """Return, by entity, how many records are in these stages: (in the list, in the trash); none are left out."""
    wanted = list(stages)
    found: dict[str, tuple[int, int]] = {}
    for entity in staged(uow).values():
        table = entity.model.__table__
        gone = table.c.deleted_at.is_not(None)
        query = sa.select(sa.func.count(), sa.func.count(sa.case((gone, 1)))).where(
            table.c[stage_field(entity).name].in_(wanted)
        )
        total, trashed = (await uow.session.execute(query)).one()
        if total:
            found[entity.name] = (total - trashed, trashed)
    return found


async def per_stage(uow: UnitOfWork, entity: Entity, pipeline_id: UUID) -> dict[UUID, int]:
    """Return how many live records of an entity each stage of a pipeline has."""
    table, field = entity.model.__table__, stage_field(entity)
    column = table.c[field.name]
    query = sa.select(column, sa.func.count()).where(
        table.c[field.group_field] == pipeline_id, table.c.deleted_at.is_(None)
    )
    rows = await uow.session.execute(query.group_by(column))
    return {row[0]: row[1] for row in rows}
