"""What the plugin does when something happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_core.plugin import Listener
from crm_core.testing.sample_plugin import actions
from crm_core.testing.sample_plugin.events import VisitDone

if TYPE_CHECKING:
    from crm_core.plugin.jobs import Happened, JobContext
    from crm_core.uow import UnitOfWork


async def keep_company(uow: UnitOfWork, event: Happened) -> None:
    """Refuse to trash a company with visits to come: raising undoes the whole request."""
    if event.record_id is not None:
        await actions.demand_no_plans(uow, event.record_id)


async def remember_last_visit(job: JobContext, events: list[Happened]) -> None:
    """Keep the day of the latest visit on the company; after the commit, so that finishing stays quick."""
    async with job.transaction() as uow:
        for happened in events:
            match happened.event:
                case VisitDone(company_id=company_id, visited_on=visited_on) if company_id is not None:
                    await actions.note_last_visit(uow, company_id, visited_on)
        await job.finish(uow)


LISTENERS = (
    Listener(event="core.company.deleted", run=keep_company, name="sample.keep_company"),
    Listener(
        event="sample.visit.done", run=remember_last_visit, name="sample.remember_last_visit", after_commit=True,
        wants=lambda happened: happened.event.company_id is not None,
    ),
)  # fmt: skip
