"""The pipeline, roles and lost reasons that every installation starts with."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.db.types import new_id
from crm_core.entity.stages import LOST, OPEN, WON, Pipeline, Stage
from crm_core.features.deals.models import DealRole, LostReason

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

# name, category, colour, probability in percent, days until a deal counts as stuck, required fields
STAGES = (
    ("Prospecting", OPEN, "grey", 10, 30, ()),
    ("Engaging", OPEN, "blue", 50, 45, ()),
    ("Won", WON, "green", 100, None, ("amount",)),
    ("Lost", LOST, "red", 0, None, ()),
)

ROLES = ("Decision maker", "Champion", "Influencer", "Buyer", "User", "Blocker")
REASONS = ("Price", "Competitor", "No budget", "No decision", "Timing", "Missing feature", "No longer reachable")


async def load_words(uow: UnitOfWork) -> None:
    """Make roles and lost reasons, unless an older installation's own became such rows."""
    for model, names in ((DealRole, ROLES), (LostReason, REASONS)):
        if not await uow.session.scalar(sa.select(sa.func.count()).select_from(model)):
            uow.session.add_all(model(id=new_id(), name=name, position=n) for n, name in enumerate(names))


async def load(uow: UnitOfWork) -> None:
    """Make the pipeline "Sales" with its stages."""
    pipeline = Pipeline(id=new_id(), name="Sales", entity="core.deal", is_default=True)
    uow.session.add(pipeline)
    for position, (name, category, colour, probability, rotting, required) in enumerate(STAGES):
        uow.session.add(
            Stage(
                id=new_id(),
                pipeline_id=pipeline.id,
                name=name,
                category=category,
                colour=colour,
                probability=Decimal(probability),
                position=position,
                rotting_days=rotting,
                required=list(required),
            )
        )
