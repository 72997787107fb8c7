"""What pipelines and stages refuse: to go to the trash while records are in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_core.entity.stages import Pipeline, Stage, stages_of
from crm_core.errors import Conflict
from crm_core.features.pipelines.actions import demand_unused
from crm_core.plugin import Listener, Strings

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class StageInUse(Conflict):
    """Records are in the stage; `records` of the answer has their numbers by kind."""


class PipelineInUse(Conflict):
    """Records are in the pipeline; `records` of the answer has their numbers by kind."""


class PipelineGone(Conflict):
    """The stage's pipeline is in the trash."""


async def refuse_stage(uow: UnitOfWork, event: Happened) -> None:
    """Veto the deletion of a stage that records are in."""
    stage: Any = event.record or await uow.session.get(Stage, event.record_id)

    def say(words: str, numbers: dict[str, int]) -> StageInUse:
        text = _("{stage} has {records}. Use “Replace and delete” to move them.", stage=stage.name, records=words)
        return StageInUse(text, records=numbers)

    await demand_unused(uow, [stage.id], say)


async def refuse_pipeline(uow: UnitOfWork, event: Happened) -> None:
    """Veto the deletion of a pipeline that records are in."""
    pipeline: Any = event.record or await uow.session.get(Pipeline, event.record_id)
    own = await stages_of(uow, pipeline.id)

    def say(words: str, numbers: dict[str, int]) -> PipelineInUse:
        text = _("{name} has {records}. Use “Replace and delete” to move them.", name=pipeline.name, records=words)
        return PipelineInUse(text, records=numbers)

    await demand_unused(uow, [s.id for s in own], say)


async def restore_stage(uow: UnitOfWork, event: Happened) -> None:
    """Veto the return of a stage whose pipeline is in the trash."""
    stage: Any = event.record or await uow.session.get(Stage, event.record_id)
    pipeline = await uow.session.get(Pipeline, stage.pipeline_id)
    if pipeline is not None and pipeline.deleted_at is not None:
        raise PipelineGone(_("Its pipeline {name} is in the trash. Restore that first.", name=pipeline.name))


LISTENERS = (
    Listener(event="core.stage.deleted", run=refuse_stage, name="core.stage_in_use"),
    Listener(event="core.stage.restored", run=restore_stage, name="core.stage_restored"),
    Listener(event="core.pipeline.deleted", run=refuse_pipeline, name="core.pipeline_in_use"),
)
