"""Background work of the sample plugin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from crm_core.features.files import public as files
from crm_core.features.organisation.public import imprint, letterhead
from crm_core.features.pdf.public import render_pdf
from crm_core.liquid import gather, render
from crm_core.plugin import Job, Ref, Schedule
from crm_core.testing.sample_plugin import actions
from crm_core.testing.sample_plugin.schemas import MarkMissedVisits, WriteLetter

if TYPE_CHECKING:
    from crm_core.plugin.jobs import JobContext


async def mark_missed(job: JobContext, call: MarkMissedVisits) -> None:
    """Mark overdue visits; the effect and the job's end are one transaction."""
    async with job.transaction() as uow:
        missed = await actions.mark_missed(uow)
        await job.finish(uow, {"missed": missed})


LETTER = """<h1>{{ visit.subject }}</h1>
<p>Dear {{ visit.company.name | default: "customer" }},</p>
<p>thank you for {{ visit.length }} hours on {{ visit.visited_on | date: "long" }}.</p>"""


async def write_letter(job: JobContext, call: WriteLetter) -> None:
    """Read, then render and draw without a transaction, then write: the world is never awaited inside one."""
    visit = Ref("sample.visit", call.visit_id)
    async with job.reading() as uow:
        values = await gather(uow, LETTER, {"visit": visit})
        head = letterhead(await imprint(uow))
    drawn = await render_pdf(head + await render(LETTER, values, html=True), title="Letter")

    async def chunks() -> AsyncIterator[bytes]:
        yield drawn.pdf

    blob = await job.kernel.blobs.put(chunks())
    async with job.transaction() as uow:
        await files.take(uow, blob, "application/pdf", "letter.pdf", str(visit))
        await job.finish(uow, {"missing": drawn.missing})


# A plugin in a package of its own needs no name here: "<plugin>.<call in snake case>" is the default.
MARK_MISSED = Job(call=MarkMissedVisits, run=mark_missed, name="sample.mark_missed_visits", time_limit=60)
WRITE_LETTER = Job(call=WriteLetter, run=write_letter, name="sample.write_letter", time_limit=60)
NIGHTLY = Schedule("sample.mark_missed", MarkMissedVisits(), "15 3 * * *")
