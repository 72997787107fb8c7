"""Selects of the sample plugin with more than one caller."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.plugin import records
from crm_core.testing.sample_plugin.entities import DONE, VISIT
from crm_core.testing.sample_plugin.models import Topic, Visit
from crm_core.testing.sample_plugin.schemas import CompanySummary

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def summary(uow: UnitOfWork, company_id: UUID) -> CompanySummary:
    """Return the visits done at a company, as far as the actor may read them."""
    await records.get(uow, uow.registry.entity("core.company"), company_id)
    seen = records.rows(uow.registry, uow.actor, VISIT, "read")
    figures = sa.select(sa.func.count(), sa.func.sum(Visit.minutes), sa.func.max(Visit.visited_on)).where(
        Visit.company_id == company_id, Visit.outcome == DONE, seen
    )
    done, minutes, last = (await uow.session.execute(figures)).one()
    return CompanySummary(company_id=company_id, done=done, minutes=minutes or 0, last_visit_on=last)


async def topics(uow: UnitOfWork) -> list[str]:
    """Return what visits are usually about, in the order they are offered."""
    return list(await uow.session.scalars(sa.select(Topic.name).order_by(Topic.position, Topic.id)))
