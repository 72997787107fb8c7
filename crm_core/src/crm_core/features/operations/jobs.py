"""The nightly clearing out."""

from __future__ import annotations

import logging
from datetime import timedelta

from crm_core.features.operations.schemas import ApplyRetention
from crm_core.features.operations.settings import RetentionSettings, days_of
from crm_core.jobs.context import JobContext
from crm_core.plugin import hookspecs

log = logging.getLogger(__name__)
BATCH = 500


async def apply(job: JobContext, _call: ApplyRetention) -> None:
    """Delete what is older than its kind is kept, in short transactions; a kill loses at most one batch of work."""
    for kind in job.kernel.registry.gather(hookspecs.crm_retention):
        total = 0
        while True:
            async with job.transaction() as uow:
                days = days_of(kind, await uow.settings(RetentionSettings))
                gone = await kind.delete(uow, uow.now - timedelta(days=days), BATCH) if days else 0
            total += gone
            if gone < BATCH:
                break
            await job.progress(total, note=kind.name)
        if total:
            log.info("retention: %s rows of %s deleted", total, kind.name)
