"""What can be done with a deal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.entity import stages
from crm_core.features.deals.models import Deal
from crm_core.plugin import Action, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")

Reason = Annotated[UUID | None, msgspec.Meta(title=str(_("Lost because")), extra={"target": "core.lost_reason"})]
Words = Annotated[str | None, msgspec.Meta(title=str(_("Lost: in own words")))]


class Move(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where a deal goes; a reason is needed and kept when the stage is a lost one."""

    stage_id: Annotated[UUID, msgspec.Meta(title=str(_("Stage")), extra={"kind": "stage"})]
    lost_reason_id: Reason = None
    lost_reason: Words = None


class LoseDeal(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Why a deal is lost: one of the reasons, own words, or both."""

    lost_reason_id: Reason = None
    lost_reason: Words = None


class Reopen(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """In which stage work on a deal goes on; empty: the one it was in before it was closed."""

    stage_id: Annotated[UUID | None, msgspec.Meta(title=str(_("Stage")), extra={"kind": "stage"})] = None


async def move(uow: UnitOfWork, deal: Deal, params: Move) -> None:
    """Move a deal to another stage of its pipeline."""
    await stages.move_stage(uow, deal, params.stage_id, **_why(params))


async def win(uow: UnitOfWork, deal: Deal, params: None = None) -> None:
    """Move a deal to the won stage of its pipeline."""
    await stages.move_stage(uow, deal, await _stage(uow, deal, stages.WON))


async def lose(uow: UnitOfWork, deal: Deal, params: LoseDeal) -> None:
    """Move a deal to the lost stage of its pipeline; StageNeedsFields without a reason."""
    await stages.move_stage(uow, deal, await _stage(uow, deal, stages.LOST), **_why(params))


def _why(params: Move | LoseDeal) -> dict[str, Any]:
    given = {"lost_reason_id": params.lost_reason_id, "lost_reason": params.lost_reason}
    return {name: value for name, value in given.items() if value}


async def reopen(uow: UnitOfWork, deal: Deal, params: Reopen) -> None:
    """Go on with a closed deal: in the given open stage, or in the last open one it was in."""
    known = {s.id: s for s in await stages.stages_of(uow, deal.pipeline_id) if s.category not in stages.CLOSED}
    target = params.stage_id
    if target is None:
        moves = sa.select(stages.StageMove.to_id).where(
            stages.StageMove.entity == "core.deal", stages.StageMove.record_id == deal.id
        )
        been = await uow.session.scalars(moves.order_by(stages.StageMove.at.desc(), stages.StageMove.id.desc()))
        target = next((key for key in been if key in known), next(iter(known), None))
    if target not in known:
        text = _("Choose an open stage of the pipeline.")
        raise stages.StageUnknown(text, fields={"stage_id": text})
    await stages.move_stage(uow, deal, target)


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
    Action(
        entity="core.deal",
        name="reopen",
        label=_("Open again"),
        icon="rotate",
        params=Reopen,
        run=reopen,
        permission="core.deal.edit",
        when={"field": "closed_on", "op": "not_empty"},
        bulk=True,
    ),
)
