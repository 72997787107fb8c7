"""When sessions and tokens were last used, written now and then so that a GET stays a read."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.actor import system
from crm_core.db.types import utcnow

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

log = logging.getLogger(__name__)
STALE = timedelta(minutes=1)
"""A use is written only when the last one written is older than this."""
PAUSE = 2.0
"""Seconds to gather uses before one transaction writes them."""
_CACHE = "seen"


class Seen:
    """Gathers uses and writes them in one short transaction of its own."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.waiting: dict[tuple[sa.Table, str, UUID], datetime] = {}
        self.task: asyncio.Task[None] | None = None

    def note(self, table: sa.Table, column: str, key: UUID) -> None:
        """Remember that the row was used just now."""
        self.waiting[table, column, key] = utcnow()
        if self.task is None or self.task.done():
            self.task = asyncio.get_running_loop().create_task(self._later())

    async def _later(self) -> None:
        await asyncio.sleep(PAUSE)
        await self.write()

    async def write(self) -> None:
        """Write what was gathered; a failure is logged and forgotten, the next use tries again."""
        waiting, self.waiting = self.waiting, {}
        if not waiting:
            return
        try:
            async with self.kernel.write(system("seen")) as uow:
                for (table, column, key), at in waiting.items():
                    values: dict[str, Any] = {column: at}
                    await uow.session.execute(sa.update(table).where(table.c.id == key).values(values))
        except Exception:
            log.warning("last use of %d sessions and tokens not written", len(waiting), exc_info=True)

    async def close(self) -> None:
        """Write what is waiting and stop."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        await self.write()


def seen(kernel: Kernel) -> Seen:
    """Return the kernel's one `Seen`."""
    found: Seen | None = kernel.caches.get(_CACHE)
    if found is None:
        found = kernel.caches[_CACHE] = Seen(kernel)
    return found
