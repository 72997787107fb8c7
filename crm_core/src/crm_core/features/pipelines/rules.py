"""What holds for every pipeline and stage, however it is made or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.entity import fields as f
from crm_core.entity.inserts import send
from crm_core.entity.stages import Pipeline, Stage
from crm_core.errors import Invalid
from crm_core.plugin import Entity, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
NOT_ASKED = ("stage", "tags", "links", "any_link", "file", "boolean")
"""Kinds of fields a stage cannot ask for: always filled in, or kept elsewhere than in the record's row."""


def staged(uow: UnitOfWork) -> dict[str, Entity]:
    """Return the entities whose records move through stages, by name."""
    return {e.name: e for e in uow.registry.entities.values() if any(isinstance(x, f.Stage) for x in e.fields)}


def askable(entity: Entity) -> list[f.Field]:
    """Return the fields of an entity that a stage may ask for."""
    return [x for x in entity.fields if not x.readonly and not x.hidden and x.kind not in NOT_ASKED and x.columns]


async def pipeline_of(uow: UnitOfWork, stage: Any) -> Pipeline | None:
    """Return the pipeline of a stage, None for one that is not there yet or in the trash."""
    if stage is None or stage.pipeline_id is None:
        return None
    found = await uow.session.get(Pipeline, stage.pipeline_id)
    return found if found is not None and found.deleted_at is None else None


async def field_choices(uow: UnitOfWork, stage: Any) -> list[tuple[str, Any]]:
    """Return name and label of the fields a stage may ask for."""
    pipeline = await pipeline_of(uow, stage)
    name = pipeline.entity if pipeline is not None else "core.deal"
    entity = staged(uow).get(name)
    return [(x.name, x.label) for x in askable(entity)] if entity is not None else []


async def stage_choices(uow: UnitOfWork, stage: Any) -> list[tuple[str, Any]]:
    """Return id and name of the other stages of a stage's pipeline; none before it is in one."""
    if stage is None or stage.pipeline_id is None:
        return []
    wanted = sa.select(Stage.id, Stage.name).where(Stage.pipeline_id == stage.pipeline_id, Stage.deleted_at.is_(None))
    found = await uow.session.execute(wanted.order_by(Stage.position, Stage.id))
    return [(str(key), name) for key, name in found if key != stage.id]


async def stage_defaults(uow: UnitOfWork, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a new stage; without a position it comes last."""
    if values.get("position") is not None or not values.get("pipeline_id"):
        return values
    last = sa.select(sa.func.max(Stage.position)).where(Stage.deleted_at.is_(None))
    try:
        highest = await uow.session.scalar(last.where(Stage.pipeline_id == values["pipeline_id"]))
    except (ValueError, sa.exc.StatementError):  # no id at all: its own check says so
        return values
    return {**values, "position": 0 if highest is None else highest + 1}


async def validate_pipeline(uow: UnitOfWork, pipeline: Pipeline, changed: frozenset[str]) -> None:
    """Keep to entities that have stages, to one default each, and to the kind of the records that are in it."""
    known = staged(uow)
    if pipeline.entity not in known:
        text = _("Records of this kind have no stages.")
        raise Invalid(text, fields={"entity": _("One of: {known}.", known=", ".join(sorted(known)))})
    if pipeline.is_default and changed & {"is_default", "entity"}:
        others = sa.select(Pipeline).where(
            Pipeline.entity == pipeline.entity, Pipeline.is_default, Pipeline.id != pipeline.id,
            Pipeline.deleted_at.is_(None),
        )  # fmt: skip
        for other in await uow.session.scalars(others):
            other.is_default = False


async def validate_stage(uow: UnitOfWork, stage: Stage, changed: frozenset[str]) -> None:
    """Refuse a pipeline that is not there, fields that its records do not have, and next stages of another."""
    await send(uow)  # a pipeline made in this transaction has to be there to be asked for
    pipeline = await pipeline_of(uow, stage)
    if pipeline is None:
        text = _("There is no such pipeline.")
        raise Invalid(text, fields={"pipeline_id": text})
    if "pipeline_id" in changed and stage.version and await _moved(uow, stage):
        text = _("A stage stays in its pipeline. Make a new one there and replace this one.")
        raise Invalid(text, fields={"pipeline_id": text})
    if "required" in changed:
        known = {x.name for x in askable(uow.registry.entity(pipeline.entity))} | set(await _before(uow, stage))
        if unknown := [n for n in stage.required if n not in known]:
            text = _("These fields do not exist: {names}.", names=", ".join(unknown))
            raise Invalid(text, fields={"required": text})
    if "allowed_next" in changed and stage.allowed_next:
        own = {key for key, _name in await stage_choices(uow, stage)}
        if any(key not in own for key in stage.allowed_next):
            text = _("Only stages of the same pipeline may follow.")
            raise Invalid(text, fields={"allowed_next": text})


async def _moved(uow: UnitOfWork, stage: Stage) -> bool:
    was = await uow.session.scalar(sa.select(Stage.pipeline_id).where(Stage.id == stage.id))
    return was is not None and was != stage.pipeline_id


async def _before(uow: UnitOfWork, stage: Stage) -> list[str]:
    """Return what the stage asked for before: a form sends a field back that was removed since."""
    found = await uow.session.scalar(sa.select(Stage.required).where(Stage.id == stage.id))
    return list(found or ())
