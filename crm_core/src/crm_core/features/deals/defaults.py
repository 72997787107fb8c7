"""The pipeline that every installation starts with."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from crm_core.db.types import new_id
from crm_core.entity.stages import LOST, OPEN, WON, Pipeline, Stage

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

# name, category, colour, probability in percent, days until a deal counts as stuck, required fields
STAGES = (
    ("Prospecting", OPEN, "grey", 10, 30, ()),
    ("Engaging", OPEN, "blue", 50, 45, ()),
    ("Won", WON, "green", 100, None, ("amount",)),
    ("Lost", LOST, "red", 0, None, ()),
)


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
