"""Background work of the sample plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_core.plugin import Job, Schedule
from crm_core.testing.sample_plugin import actions
from crm_core.testing.sample_plugin.schemas import MarkMissedVisits

if TYPE_CHECKING:
    from crm_core.plugin.jobs import JobContext


async def mark_missed(job: JobContext, call: MarkMissedVisits) -> None:
    """Mark overdue visits; the effect and the job's end are one transaction."""
    async with job.transaction() as uow:
        missed = await actions.mark_missed(uow)
        await job.finish(uow, {"missed": missed})


# A plugin in a package of its own needs no name here: "<plugin>.<call in snake case>" is the default.
MARK_MISSED = Job(call=MarkMissedVisits, run=mark_missed, name="sample.mark_missed_visits", time_limit=60)
NIGHTLY = Schedule("sample.mark_missed", MarkMissedVisits(), "15 3 * * *")
