"""What can be done with a deal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import msgspec

from crm_core.entity import stages
from crm_core.features.deals.models import Deal
from crm_core.plugin import Action, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class Move(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where a deal goes; `lost_reason` is kept when the stage is a lost one."""

    stage_id: Annotated[UUID, msgspec.Meta(title=str(_("Stage")), extra={"kind": "stage"})]
    lost_reason: Annotated[str | None, msgspec.Meta(title=str(_("Lost because")))] = None


class LoseDeal(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Why a deal is lost."""

    lost_reason: Annotated[str, msgspec.Meta(title=str(_("Lost because")))] = ""


async def move(uow: UnitOfWork, deal: Deal, params: Move) -> None:
    """Move a deal to another stage of its pipeline."""
    values = {"lost_reason": params.lost_reason} if params.lost_reason else {}
    await stages.move_stage(uow, deal, params.stage_id, **values)


async def win(uow: UnitOfWork, deal: Deal, params: None = None) -> None:
    """Move a deal to the won stage of its pipeline."""
    await stages.move_stage(uow, deal, await _stage(uow, deal, stages.WON))


async def lose(uow: UnitOfWork, deal: Deal, params: LoseDeal) -> None:
    """Move a deal to the lost stage of its pipeline."""
    values = {"lost_reason": params.lost_reason} if params.lost_reason else {}
    await stages.move_stage(uow, deal, await _stage(uow, deal, stages.LOST), **values)


async def _stage(uow: UnitOfWork, deal: Deal, category: str) -> UUID:
    for stage in await stages.stages_of(uow, deal.pipeline_id):
        if stage.category == category:
            return stage.id
    raise stages.StageUnknown(_("This pipeline has no such stage."))


ACTIONS = (
    Action(
        entity="core.deal",
        name="move",
        label=_("Move to stage"),
        icon="arrow-right",
        params=Move,
        run=move,
        permission="core.deal.edit",
        bulk=True,
    ),
    Action(
        entity="core.deal",
        name="win",
        label=_("Won"),
        icon="trophy",
        run=win,
        permission="core.deal.edit",
        when={"field": "closed_on", "op": "empty"},
        bulk=True,
    ),
    Action(
        entity="core.deal",
        name="lose",
        label=_("Lost"),
        icon="mood-sad",
        params=LoseDeal,
        run=lose,
        permission="core.deal.edit",
        when={"field": "closed_on", "op": "empty"},
        bulk=True,
    ),
)
