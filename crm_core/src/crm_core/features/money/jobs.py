"""Valuing the amounts of a currency anew in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from crm_core.features.money import queries
from crm_core.features.money.actions import revalue
from crm_core.features.money.schemas import RevalueAmounts

if TYPE_CHECKING:
    from crm_core.jobs.context import JobContext

CHUNK = 500  # amounts of one transaction


async def revalue_amounts(job: JobContext, call: RevalueAmounts) -> None:
    """Value every amount of a currency that follows the rates, a chunk a transaction; may run twice."""
    async with job.reading() as reading:
        total = await queries.count_following(reading, call.currency)
    done = 0
    for entity, field in queries.money_fields(job.kernel.registry):
        after: UUID | None = None
        while True:
            async with job.transaction() as uow:
                count, after = await revalue(uow, entity, field, call.currency, after, CHUNK)
            done += count
            await job.progress(done, max(total, done), call.currency)
            if after is None:
                break
    async with job.transaction() as uow:
        await job.finish(uow, {"valued": done})
