"""Clearing the blob store each night."""

from __future__ import annotations

import logging
from dataclasses import asdict

from crm_core.features.files.schemas import SweepFiles
from crm_core.features.files.sweeping import sweep
from crm_core.jobs.context import JobContext

log = logging.getLogger(__name__)


async def sweep_files(context: JobContext, call: SweepFiles) -> None:
    """Sweep the store; the numbers are the job's result."""
    swept = await sweep(context.kernel, older=call.hours * 3600)
    if swept.missing:
        log.error("%s stored files are missing on disk, such as %s", swept.missing, ", ".join(swept.examples))
    async with context.transaction() as uow:
        await context.finish(uow, asdict(swept))
