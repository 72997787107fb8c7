"""What holds for every deal, however it is made or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.entity import stages
from crm_core.entity.folding import fold
from crm_core.errors import Invalid
from crm_core.features.deals.models import Deal, DealRole, LostReason
from crm_core.features.pipelines.public import follow_pipeline
from crm_core.plugin import Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


async def defaults(uow: UnitOfWork, values: dict[str, Any]) -> dict[str, Any]:
    """Return values with pipeline, stage and probability filled in."""
    return await stages.start(uow, uow.registry.entity("core.deal"), values)


async def validate(uow: UnitOfWork, deal: Any, changed: frozenset[str]) -> None:
    """Keep the stage in the pipeline, the reason among those known, and the closing day after the opening one."""
    if deal.stage_entered_at is None:
        deal.stage_entered_at = stages.moment(deal.closed_on or deal.engaged_on, uow.now)
    if "pipeline_id" in changed:
        await _check_pipeline(uow, deal)
        await follow_pipeline(uow, deal)
    if changed & {"lost_reason_id", "lost_reason"}:
        await _check_reason(uow, deal, changed)
    if deal.engaged_on and deal.closed_on and deal.closed_on < deal.engaged_on:
        raise Invalid(
            _("A deal is not closed before it is opened."),
            fields={"closed_on": _("This is before the day it was opened.")},
        )


async def _check_pipeline(uow: UnitOfWork, deal: Deal) -> None:
    found = await uow.session.get(stages.Pipeline, deal.pipeline_id)
    if found is None or found.deleted_at is not None or found.entity != "core.deal":
        text = _("There is no such pipeline of deals.")
        raise Invalid(text, fields={"pipeline_id": text})


async def _check_reason(uow: UnitOfWork, deal: Deal, changed: frozenset[str]) -> None:
    """Take a text that names a reason for that reason; refuse one that is gone, or archived and newly chosen."""
    if deal.lost_reason_id is None and deal.lost_reason:
        wanted = sa.select(LostReason.id).where(
            LostReason.name_f == fold(deal.lost_reason)[:100], LostReason.deleted_at.is_(None)
        )
        deal.lost_reason_id = await uow.session.scalar(wanted.order_by(LostReason.is_archived).limit(1))
    elif deal.lost_reason_id is not None and "lost_reason_id" in changed:
        found = await uow.session.get(LostReason, deal.lost_reason_id)
        if found is None or found.deleted_at is not None:
            raise Invalid(_("There is no such reason."), fields={"lost_reason_id": _("There is no such reason.")})
        if found.is_archived:
            text = _("This reason is archived. Choose another one.")
            raise Invalid(text, fields={"lost_reason_id": text})


async def demand_roles(uow: UnitOfWork, wanted: set[UUID]) -> None:
    """Raise Invalid unless all of these are roles that are still offered."""
    there = sa.select(DealRole.id).where(
        DealRole.id.in_(wanted), DealRole.deleted_at.is_(None), DealRole.is_archived.is_(False)
    )
    if wanted and set(await uow.session.scalars(there)) != wanted:
        text = _("There is no such role, or it is archived.")
        raise Invalid(text, fields={"contacts": text})
