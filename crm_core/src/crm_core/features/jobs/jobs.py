"""Housekeeping of the job table."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from crm_core.features.jobs.schemas import PurgeJobs
from crm_core.jobs.context import JobContext
from crm_core.jobs.rows import JOBS, job

BATCH = 1000
DEAD_FACTOR = 10


async def purge_jobs(context: JobContext, call: PurgeJobs) -> None:
    """Delete ended jobs in short transactions. Keys held for ever ("once:") keep their rows."""
    days = timedelta(days=call.days)
    for state, age in (("done", days), ("cancelled", days), ("dead", days * DEAD_FACTOR)):
        while await _delete(context, state, age):
            await context.progress(0)


async def _delete(context: JobContext, state: str, age: timedelta) -> bool:
    async with context.transaction() as uow:
        old = (
            sa.select(job.id)
            .where(job.state == state, job.finished_at < uow.now - age, job.held_key.is_(None))
            .limit(BATCH)
        )
        gone = await uow.session.execute(sa.delete(JOBS).where(job.id.in_(old)))
    return gone.rowcount == BATCH  # type: ignore[attr-defined,no-any-return]  # a cursor result
