"""The nightly backup."""

from __future__ import annotations

import logging

from crm_core.features.backups.actions import back_up, thin_out
from crm_core.features.backups.schemas import NightlyBackup
from crm_core.features.backups.settings import BackupSettings
from crm_core.jobs.context import JobContext

log = logging.getLogger(__name__)


async def nightly(job: JobContext, _call: NightlyBackup) -> None:
    """Make a backup of a SQLite installation and remove the oldest; nothing with PostgreSQL, or when switched off."""
    kernel = job.kernel
    async with job.transaction() as uow:
        keep = (await uow.settings(BackupSettings)).keep
    if not kernel.config.sqlite or keep == 0:
        return
    path, made = await back_up(kernel.config, kernel.registry)
    gone = thin_out(kernel.config, keep)
    log.info("backup %s: %s files; %s old ones removed", path.name, made.files, len(gone))
