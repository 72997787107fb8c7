"""What SQLite's planner knows about the tables; PostgreSQL looks after its own."""

from __future__ import annotations

import sqlalchemy as sa

from crm_core.jobs.context import JobContext
from crm_core.plugin import JobCall

SAMPLE = 1000  # rows looked at in an index: the write lock is held for some milliseconds


class RefreshStatistics(JobCall, frozen=True, kw_only=True):
    """Let the planner know how many rows a value has: without it, one owner's list sorts all that owner has."""


async def refresh_statistics(context: JobContext, call: RefreshStatistics) -> None:
    """Look at a sample of every index; connections opened from now on plan by it."""
    if not context.kernel.db.sqlite:
        return
    async with context.kernel.db.write.begin() as connection:
        await connection.execute(sa.text(f"pragma analysis_limit={SAMPLE}"))
        await connection.execute(sa.text("analyze"))
