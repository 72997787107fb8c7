"""Whether there is a backup to go back to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from crm_core.features.backups.actions import kept
from crm_core.features.backups.settings import BackupSettings
from crm_core.plugin import Check
from crm_core.plugin.errors import Concern

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

OLD = timedelta(days=2)


async def recent(uow: UnitOfWork) -> str:
    """Return when the last backup was made; Concern when that is long ago."""
    config = uow.kernel.config
    if not config.sqlite:
        return "PostgreSQL: by crm backup or tools of your own"
    found = kept(config)
    if (await uow.settings(BackupSettings)).keep == 0:
        raise Concern("nightly backups are switched off", "set how many are kept under Settings, Backup")
    first = (
        datetime.fromtimestamp(config.database_file.stat().st_ctime, UTC) if config.database_file.exists() else uow.now
    )
    last = datetime.fromtimestamp(found[-1].stat().st_mtime, UTC) if found else first
    if uow.now - last > OLD:
        raise Concern(f"the last backup is of {last:%Y-%m-%d}", "run `crm backup`, and see that jobs run at night")
    return f"{len(found)} kept" if found else "the first is made tonight"


CHECKS = (Check("backup", recent, ready=False),)
