"""What can be done with pipelines and stages: put them in order, replace and delete them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.entity import records, stages
from crm_core.entity.bulk import bulk_update
from crm_core.entity.inserts import insert_rows
from crm_core.entity.stages import CLOSED, Pipeline, Stage, StageMove, StageUnknown, stage_field, stages_of
from crm_core.errors import Conflict, Invalid
from crm_core.features.pipelines.queries import in_use
from crm_core.features.pipelines.schemas import Merge, Order, Replacement
from crm_core.plugin import Action, Entity, Strings, Text

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
MOST = 5000  # records moved in one transaction


class TooManyRecords(Conflict):
    """More records than one transaction moves."""


def match(old: Stage, known: list[Stage]) -> Stage | None:
    """Return the stage of another pipeline that comes nearest: of the same name, else the first of the category.

    An open stage without a match goes to the first stage; a closed one nowhere, as that would reopen records.
    """
    named = (s for s in known if s.name_f == old.name_f and (s.category in CLOSED) == (old.category in CLOSED))
    alike = (s for s in known if s.category == old.category)
    found = next(named, None) or next(alike, None)
    if found is None and old.category not in CLOSED:
        found = next((s for s in known if s.category not in CLOSED), None)
    return found


async def follow_pipeline(uow: UnitOfWork, record: Any) -> None:
    """Move a record whose pipeline was changed into the stage of the new one that matches; see `match`.

    StageUnknown when there is none, StageNeedsFields as any move.
    """
    entity = uow.registry.by_model[type(record)]
    field = stage_field(entity)
    known = await stages_of(uow, getattr(record, field.group_field))
    old = await uow.session.get(Stage, getattr(record, field.name))
    if old is not None and old.id in {s.id for s in known}:
        return
    target = match(old, known) if old is not None else None
    if target is None:
        text = _("This pipeline has no stage for it.")
        raise StageUnknown(text, fields={field.group_field: text})
    await stages.move_stage(uow, record, target.id)


async def up(uow: UnitOfWork, stage: Stage, params: None = None) -> None:
    """Move a stage one place towards the start of its pipeline."""
    await _shift(uow, stage, -1)


async def down(uow: UnitOfWork, stage: Stage, params: None = None) -> None:
    """Move a stage one place towards the end of its pipeline."""
    await _shift(uow, stage, 1)


async def _shift(uow: UnitOfWork, stage: Stage, by: int) -> None:
    known = await stages_of(uow, stage.pipeline_id)
    at = next(i for i, s in enumerate(known) if s.id == stage.id)
    if 0 <= at + by < len(known):
        known[at], known[at + by] = known[at + by], known[at]
    _number(known)


async def order(uow: UnitOfWork, pipeline: Pipeline, params: Order) -> None:
    """Put the stages of a pipeline, got with the right to edit it, in order; Invalid unless each is named once."""
    records.demand(uow, uow.registry.entity("core.stage"), "edit")
    known = {s.id: s for s in await stages_of(uow, pipeline.id)}
    if sorted(params.stages) != sorted(known):
        text = _("Name every stage of the pipeline once.")
        raise Invalid(text, fields={"stages": text})
    _number([known[key] for key in params.stages])


def _number(known: list[Stage]) -> None:
    for position, stage in enumerate(known):
        if stage.position != position:
            stage.position = position


async def replace_stage(uow: UnitOfWork, stage: Stage, params: Replacement) -> None:
    """Move every record of a stage to another one of the pipeline, and the stage to the trash."""
    records.demand(uow, uow.registry.entity("core.stage"), "delete")
    known = {s.id: s for s in await stages_of(uow, stage.pipeline_id)}
    target = known.get(params.stage_id)
    if target is None or target.id == stage.id:
        text = _("Choose another stage of the same pipeline.")
        raise StageUnknown(text, fields={"stage_id": text})
    await _move_all(uow, {stage.id: target})
    _forget(stage.id, known.values())
    await records.delete(uow, uow.registry.entity("core.stage"), stage)


def _forget(gone: UUID, others: Any) -> None:
    """Take a stage out of what may follow the others; a list that would become empty would allow any."""
    for other in others:
        if str(gone) in other.allowed_next and len(other.allowed_next) > 1:
            other.allowed_next = [key for key in other.allowed_next if key != str(gone)]


async def replace_pipeline(uow: UnitOfWork, pipeline: Pipeline, params: Merge) -> None:
    """Move every record of a pipeline to the matching stages of another one, and it to the trash."""
    records.demand(uow, uow.registry.entity("core.pipeline"), "delete")
    target = await uow.session.get(Pipeline, params.pipeline_id)
    if target is None or target.deleted_at is not None or target.id == pipeline.id or target.entity != pipeline.entity:
        text = _("Choose another pipeline for the same kind of records.")
        raise StageUnknown(text, fields={"pipeline_id": text})
    own, other = await stages_of(uow, pipeline.id), await stages_of(uow, target.id)
    used = {s.id for s in own if await in_use(uow, [s.id])}
    pairs = {s.id: match(s, other) for s in own if s.id in used}
    if without := [s.name for s in own if s.id in used and pairs[s.id] is None]:
        text = _("{pipeline} has no stage for: {names}.", pipeline=target.name, names=", ".join(without))
        raise StageUnknown(text, fields={"pipeline_id": text})
    await _move_all(uow, {key: s for key, s in pairs.items() if s is not None})
    await records.delete(uow, uow.registry.entity("core.pipeline"), pipeline)


async def _move_all(uow: UnitOfWork, pairs: Mapping[UUID, Stage]) -> None:
    """Move all records of stages, those in the trash too, whatever the stages ask for: an administrator decides."""
    counts = await in_use(uow, pairs)
    if sum(live + trashed for live, trashed in counts.values()) > MOST:
        raise TooManyRecords(_("These are more than {count} records. Move some of them first.", count=MOST))
    for name in counts:
        for source, target in pairs.items():
            await _move_some(uow, uow.registry.entity(name), source, target)


async def _move_some(uow: UnitOfWork, entity: Entity, source: UUID, target: Stage) -> None:
    field, table = stage_field(entity), entity.model.__table__
    column = table.c[field.name]
    ids = list(await uow.session.scalars(sa.select(table.c.id).where(column == source)))
    values: dict[str, Any] = {field.group_field: target.pipeline_id, field.name: target.id}
    if field.entered_field:
        values[field.entered_field] = uow.now
    if entity.field("probability") is not None:
        values["probability"] = target.probability
    if field.closed_field:
        closed = table.c[field.closed_field]
        day = stages.today(uow) if target.category in CLOSED else None
        where = sa.and_(column == source, closed.is_(None) if day else closed.is_not(None))
        await bulk_update(uow, entity, where, {field.closed_field: day})
    await bulk_update(uow, entity, column == source, values)
    insert_rows(uow, StageMove, [_row(entity, key, source, target, uow.now, uow.actor.label) for key in ids])


def _row(entity: Entity, key: UUID, source: UUID, target: Stage, at: datetime, actor: str) -> dict[str, Any]:
    return {"entity": entity.name, "record_id": key, "pipeline_id": target.pipeline_id, "from_id": source,
            "to_id": target.id, "at": at, "actor": actor}  # fmt: skip


async def stage_plan(uow: UnitOfWork, stage: Stage, params: Replacement | None) -> list[Text]:
    """Return how many records would be moved where."""
    target = await uow.session.get(Stage, params.stage_id) if params else None
    return _plan(uow, await in_use(uow, [stage.id]), target.name if target is not None else "–")


async def pipeline_plan(uow: UnitOfWork, pipeline: Pipeline, params: Merge | None) -> list[Text]:
    """Return how many records would be moved where."""
    target = await uow.session.get(Pipeline, params.pipeline_id) if params else None
    own = [s.id for s in await stages_of(uow, pipeline.id)]
    return _plan(uow, await in_use(uow, own), target.name if target is not None else "–")


def _plan(uow: UnitOfWork, counts: Mapping[str, tuple[int, int]], name: str) -> list[Text]:
    return [
        _("{count} {plural} go to {name}.", count=live + trashed, plural=uow.registry.entity(entity).plural, name=name)
        for entity, (live, trashed) in counts.items()
    ] or [_("No records are moved.")]


async def demand_unused(uow: UnitOfWork, wanted: list[UUID], say: Any) -> None:
    """Raise `say(words)` when records are in these stages, with their numbers in words."""
    counts = await in_use(uow, wanted)
    if not counts:
        return
    parts = []
    for name, (live, trashed) in counts.items():
        plural = uow.registry.entity(name).plural
        parts.append(
            _("{count} {plural}, {trashed} of them in the trash", count=live + trashed, plural=plural, trashed=trashed)
            if trashed
            else _("{count} {plural}", count=live, plural=plural)
        )
    raise say("; ".join(p.to(uow.locale) for p in parts), {n: live + gone for n, (live, gone) in counts.items()})


ACTIONS = (
    Action(entity="core.stage", name="up", label=_("Move up"), icon="arrow-up", run=up, permission="core.stage.edit"),
    Action(
        entity="core.stage", name="down", label=_("Move down"), icon="arrow-down", run=down,
        permission="core.stage.edit",
    ),
    Action(
        entity="core.stage", name="replace", label=_("Replace and delete"), icon="replace", params=Replacement,
        run=replace_stage, permission="core.stage.edit", plan=stage_plan, danger=True,
    ),
    Action(
        entity="core.pipeline", name="replace", label=_("Replace and delete"), icon="replace", params=Merge,
        run=replace_pipeline, permission="core.pipeline.edit", plan=pipeline_plan, danger=True,
    ),
)  # fmt: skip
