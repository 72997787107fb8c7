"""The history a record has from the start: the stage it is created in, and the open one before it was closed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from crm_core.db.types import new_id
from crm_core.entity.inserts import insert_rows
from crm_core.entity.stages import CLOSED, Stage, StageMove, moment, stage_field, stages_of
from crm_core.plugin import Entity

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork


def first_moves(
    entity: Entity, values: Mapping[str, Any], stages: Mapping[UUID, Stage], now: datetime, actor: str
) -> list[dict[str, Any]]:
    """Return history rows for a record that is created in its stage.

    A record that comes with the day it was opened and the day it was closed (an import) has been in
    the pipeline's last open stage between the two.
    """
    field = stage_field(entity)
    stage = stages[values[field.name]]
    opened, closed = values.get(field.opened_field), values.get(field.closed_field)
    row = {"entity": entity.name, "record_id": values["id"], "pipeline_id": stage.pipeline_id, "actor": actor}
    if stage.category in CLOSED and opened is not None:
        before = [s for s in stages.values() if s.pipeline_id == stage.pipeline_id and s.category not in CLOSED]
        if before:
            last = max(before, key=lambda s: s.position)
            first = {**row, "id": new_id(), "from_id": None, "to_id": last.id, "at": moment(opened, now)}
            at = max(moment(closed, now), first["at"])
            return [first, {**row, "id": new_id(), "from_id": last.id, "to_id": stage.id, "at": at}]
    day = closed if stage.category in CLOSED else opened
    return [{**row, "id": new_id(), "from_id": None, "to_id": stage.id, "at": moment(day, now)}]


async def remember_first(uow: UnitOfWork, event: Happened) -> None:
    """Listener: write the history of a record that has just been created in a stage."""
    if event.record is None or event.entity is None:
        return
    entity = uow.registry.entity(event.entity)
    field = stage_field(entity)
    stages = {s.id: s for s in await stages_of(uow, getattr(event.record, field.group_field))}
    # Sample data and imports may say since when a record has been there; usually that is now.
    since = getattr(event.record, field.entered_field, None) if field.entered_field else None
    rows = first_moves(entity, event.record.__dict__, stages, since or uow.now, uow.actor.label)
    insert_rows(uow, StageMove, rows)
