"""What holds for every deal, however it is made or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_core.entity import stages
from crm_core.errors import Invalid
from crm_core.plugin import Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


async def defaults(uow: UnitOfWork, values: dict[str, Any]) -> dict[str, Any]:
    """Return values with pipeline, stage and probability filled in."""
    return await stages.start(uow, uow.registry.entity("core.deal"), values)


async def validate(uow: UnitOfWork, deal: Any, changed: frozenset[str]) -> None:
    """Keep the stage in the pipeline; refuse a closing day before the day the deal was opened."""
    if deal.stage_entered_at is None:
        deal.stage_entered_at = stages.moment(deal.closed_on or deal.engaged_on, uow.now)
    if "pipeline_id" in changed:
        stage = await uow.session.get(stages.Stage, deal.stage_id)
        if stage is None or stage.pipeline_id != deal.pipeline_id:
            raise stages.StageUnknown(
                _("This stage is not in the pipeline."), fields={"stage_id": _("Choose a stage of the pipeline.")}
            )
    if deal.engaged_on and deal.closed_on and deal.closed_on < deal.engaged_on:
        raise Invalid(
            _("A deal is not closed before it is opened."),
            fields={"closed_on": _("This is before the day it was opened.")},
        )
