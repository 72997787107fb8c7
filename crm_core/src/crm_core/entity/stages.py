"""Pipelines of stages, moving records through them, and the history of the moves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Record, Stamp, folded, foreign
from crm_core.db.types import ENTITY_NAME, Id, Ratio, UTCDateTime
from crm_core.entity import custom_values, money
from crm_core.entity import fields as f
from crm_core.entity.fields import Option
from crm_core.errors import Forbidden, Invalid
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")

OPEN, WAITING, WON, LOST, DONE = "open", "waiting", "won", "lost", "done"
CLOSED = frozenset({WON, LOST, DONE})
CATEGORIES = (
    Option(value=OPEN, label=_("Open"), colour="blue"),
    Option(value=WAITING, label=_("Waiting"), colour="amber"),
    Option(value=WON, label=_("Won"), colour="green"),
    Option(value=LOST, label=_("Lost"), colour="red"),
    Option(value=DONE, label=_("Done"), colour="grey"),
)


class Pipeline(Record, Model):
    """A set of stages for the records of one entity."""

    __tablename__ = "core_pipeline"

    name: Mapped[str] = mapped_column(sa.String(100))
    name_f: Mapped[str] = folded("name", 100)
    entity: Mapped[str] = mapped_column(ENTITY_NAME)
    position: Mapped[int] = mapped_column(sa.Integer, default=0)
    is_default: Mapped[bool] = mapped_column(sa.Boolean, default=False)


class Stage(Record, Model):
    """One step of a pipeline.

    `probability` is a percentage; `required` and `allowed_next` are lists of field names and of stage
    ids as text (empty: any); `rotting_days` is the number of days after which a record counts as stuck.
    """

    __tablename__ = "core_stage"

    pipeline_id: Mapped[UUID] = foreign("core_pipeline.id", on_delete="CASCADE", nullable=False)
    name: Mapped[str] = mapped_column(sa.String(100))
    name_f: Mapped[str] = folded("name", 100)
    category: Mapped[str] = mapped_column(sa.String(20), default=OPEN)
    colour: Mapped[str] = mapped_column(sa.String(20), default="blue")
    probability: Mapped[Any] = mapped_column(Ratio(), nullable=True, default=None)
    position: Mapped[int] = mapped_column(sa.Integer, default=0)
    required: Mapped[list[Any]] = mapped_column(default=list)
    allowed_next: Mapped[list[Any]] = mapped_column(default=list)
    rotting_days: Mapped[int | None] = mapped_column(sa.Integer, default=None)


class StageMove(Stamp, Model):
    """One entry into a stage: when, from which, by whom. The first has no `from_id`."""

    __tablename__ = "core_stage_history"
    __table_args__ = (sa.Index("ix_core_stage_history_record", "entity", "record_id", "at"),)

    entity: Mapped[str] = mapped_column(ENTITY_NAME)
    record_id: Mapped[UUID] = mapped_column(Id())
    pipeline_id: Mapped[UUID | None] = mapped_column(Id(), default=None)
    from_id: Mapped[UUID | None] = mapped_column(Id(), default=None)
    to_id: Mapped[UUID] = mapped_column(Id())
    at: Mapped[datetime] = mapped_column(UTCDateTime())
    actor: Mapped[str] = mapped_column(sa.String(100), default="")


class StageNotAllowed(Invalid):
    """The record may not go from its stage to this one."""


class StageNeedsFields(Invalid):
    """Fields that the stage asks for are empty."""


class StageUnknown(Invalid):
    """There is no such stage in the record's pipeline."""


def stage_field(entity: Entity) -> f.Stage:
    """Return the entity's stage field; LookupError if it has none."""
    for field in entity.fields:
        if isinstance(field, f.Stage):
            return field
    raise LookupError(f"{entity.name} has no stages")


async def stages_of(uow: UnitOfWork, pipeline_id: UUID) -> list[Stage]:
    """Return the stages of a pipeline in order; an import reads them once a chunk."""
    known: dict[UUID, list[Stage]] | None = uow.session.sync_session.info.get("stages")
    if known is not None and pipeline_id in known:
        return known[pipeline_id]
    query = sa.select(Stage).where(Stage.pipeline_id == pipeline_id, Stage.deleted_at.is_(None))
    found = list(await uow.session.scalars(query.order_by(Stage.position, Stage.id)))
    if known is not None:
        known[pipeline_id] = found
    return found


async def default_pipeline(uow: UnitOfWork, entity: str) -> Pipeline | None:
    """Return the pipeline new records of this entity start in, or None if there is none at all."""
    query = sa.select(Pipeline).where(Pipeline.entity == entity, Pipeline.deleted_at.is_(None))
    found: Pipeline | None = await uow.session.scalar(
        query.order_by(Pipeline.is_default.desc(), Pipeline.position, Pipeline.id).limit(1)
    )
    return found


async def start(uow: UnitOfWork, entity: Entity, values: dict[str, Any]) -> dict[str, Any]:
    """Return creation values with pipeline, stage, probability and days filled in.

    Empty pipeline: the default one, or that of the given stage. Empty stage: the pipeline's first.
    StageUnknown when the stage is not in the pipeline.
    """
    field = stage_field(entity)
    wanted = values.get(field.name)
    stage = await uow.session.get(Stage, wanted) if wanted else None
    pipeline_id = values.get(field.group_field) or (stage.pipeline_id if stage else None)
    if pipeline_id is None and (pipeline := await default_pipeline(uow, entity.name)) is not None:
        pipeline_id = pipeline.id
    known = await stages_of(uow, pipeline_id) if pipeline_id else []
    if stage is None and not wanted:
        stage = next(iter(known), None)
    if stage is None or stage.id not in {s.id for s in known}:
        raise StageUnknown(
            _("This stage is not in the pipeline."), fields={field.name: _("Choose a stage of the pipeline.")}
        )
    given = {k: values.get(k) for k in (field.opened_field, field.closed_field, "probability") if k}
    return {
        **values,
        field.group_field: pipeline_id,
        field.name: stage.id,
        **{
            k: v
            for k, v in entered(entity, field, stage, given, uow.now, today(uow)).items()
            if k != field.entered_field
        },
    }


def entered(
    entity: Entity, field: f.Stage, stage: Stage, values: Mapping[str, Any], now: datetime, day: date
) -> dict[str, Any]:
    """Return what entering `stage` sets: probability, the instant, and the days that are still empty.

    A record that leaves the closed stages loses its closing day.
    """
    closed = stage.category in CLOSED
    found: dict[str, Any] = {}
    if field.entered_field:
        found[field.entered_field] = moment(values.get(field.closed_field) if closed else None, now)
    if entity.field("probability") is not None:
        own = values.get("probability")
        found["probability"] = stage.probability if own is None or closed else own
    if field.closed_field:
        found[field.closed_field] = (values.get(field.closed_field) or day) if closed else None
    if field.opened_field and stage.position > 0 and not values.get(field.opened_field) and not closed:
        found[field.opened_field] = day
    return found


def moment(day: date | None, now: datetime) -> datetime:
    """Return noon UTC of a given day, or `now`."""
    return now if day is None or day == now.date() else datetime.combine(day, time(12), UTC)


def today(uow: UnitOfWork) -> date:
    """Return the day it is for the actor."""
    return uow.now.astimezone(ZoneInfo(uow.zone)).date()


async def move_stage(uow: UnitOfWork, record: Any, stage_id: UUID, **values: Any) -> None:
    """Move a record, got with the right to edit it, to another stage of its pipeline.

    `values` are set on the record first (a reason for losing, say), checked as any edit. Raises
    Forbidden without the right to edit, StageUnknown, StageNotAllowed, StageNeedsFields. Writes the
    history; the record's own `updated` event carries the move.
    """
    from crm_core.entity import records

    entity = uow.registry.by_model[type(record)]
    field = stage_field(entity)
    records.demand(uow, entity, "edit")
    if not uow.actor.may_set(entity.name, field.name):
        raise Forbidden(_("You may not change this field."))
    if values:
        await records.update(uow, entity, record, values)
    if getattr(record, field.name) == stage_id:
        return
    known = {s.id: s for s in await stages_of(uow, getattr(record, field.group_field))}
    target, source = known.get(stage_id), known.get(getattr(record, field.name))
    if target is None:
        raise StageUnknown(
            _("This stage is not in the pipeline."), fields={field.name: _("Choose a stage of the pipeline.")}
        )
    check_move(entity, record, source, target)
    _enter(uow, entity, field, record, target)
    amounts = (c for x in entity.fields if isinstance(x, f.Money) for c in x.columns)
    await money.fill(uow, entity, record, {field.name, field.closed_field, *amounts})
    closed = {field.closed_field: getattr(record, field.closed_field)} if field.closed_field else {}
    await custom_values.settle(uow, entity, closed, record)
    for name, value in custom_values.apart(closed)[1].items():
        records.set_field(record, name, value)


def check_move(entity: Entity, record: Any, source: Stage | None, target: Stage) -> None:
    """Raise StageNotAllowed or StageNeedsFields when the move is not possible now."""
    if source is not None and source.allowed_next and str(target.id) not in source.allowed_next:
        raise StageNotAllowed(
            _("From {source} a record does not go to {target}.", source=source.name, target=target.name)
        )
    # A field that a stage asks for may have been removed since; it is asked for no more.
    empty = [n for n in target.required if entity.field(n) and getattr(record, n, None) in (None, "", [])]
    reasons = stage_field(entity).reason_fields if target.category == LOST else ()
    if reasons and not any(getattr(record, n) for n in reasons) and reasons[0] not in empty:
        empty.append(reasons[0])
    if empty:
        labels = [declared.label if (declared := entity.field(n)) else n for n in empty]
        raise StageNeedsFields(
            _("{stage} needs: {fields}.", stage=target.name, fields=", ".join(str(w) for w in labels)),
            fields={n: _("Needed for this stage.") for n in empty},
        )


def _enter(uow: UnitOfWork, entity: Entity, field: f.Stage, record: Any, target: Stage) -> None:
    names = [n for n in (field.opened_field, field.closed_field) if n]
    # The old stage's probability gives way to the new one's: somebody's own figure was for that stage.
    values = {n: getattr(record, n) for n in names} | {"probability": None}
    if target.category != LOST:
        for name in field.reason_fields:
            setattr(record, name, None)
    before = getattr(record, field.name)
    for name, value in {field.name: target.id, **entered(entity, field, target, values, uow.now, today(uow))}.items():
        setattr(record, name, value)
    uow.session.add(
        StageMove(
            entity=entity.name, record_id=record.id, pipeline_id=target.pipeline_id, from_id=before, to_id=target.id,
            at=uow.now, actor=uow.actor.label,
        )
    )  # fmt: skip
