"""The jobs a process holds: their leases are extended while they run, and a job whose lease is lost is stopped."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from crm_core.jobs import rows
from crm_core.jobs.execute import Pace, execute
from crm_core.jobs.loops import cancelled

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Held:
    """A claimed job; `task` once it runs. since: when its lease was last extended (monotonic clock)."""

    claimed: rows.Claimed
    since: float
    task: asyncio.Task[None] | None = None


class Leases:
    """What this process holds, by job id."""

    def __init__(self, kernel: Kernel, pace: Pace) -> None:
        self.kernel = kernel
        self.pace = pace
        self.held: dict[UUID, Held] = {}

    def hold(self, claimed: rows.Claimed) -> Held:
        """Begin to keep a job's lease, just given by the database."""
        held = self.held[claimed.id] = Held(claimed, time.monotonic())
        return held

    def drop(self, claimed: rows.Claimed) -> None:
        """Stop keeping a job's lease."""
        self.held.pop(claimed.id, None)

    async def run(self, claimed: rows.Claimed) -> None:
        """Run a job while keeping its lease; returns when the job ended in whatever way."""
        held = self.held.get(claimed.id) or self.hold(claimed)
        held.task = asyncio.create_task(execute(self.kernel, claimed, self.pace))
        try:
            await asyncio.wait([held.task])
        finally:
            self.drop(claimed)

    async def beat(self) -> None:
        """Extend leases until cancelled."""
        while not cancelled():
            await asyncio.sleep(self.pace.lease / 5)
            try:
                await self._renew()
            except Exception as error:  # noqa: BLE001 - the database is away: the fence protects
                log.warning("leases cannot be extended: %s", error)

    async def _renew(self) -> None:
        due = [h for h in self.held.values() if time.monotonic() - h.since > self.pace.lease / 3]
        if not due:
            return
        asked = time.monotonic()
        async with self.kernel.db.write.begin() as connection:
            kept = await rows.renew(connection, [h.claimed for h in due], self.pace.lease)
        for held in due:
            if held.claimed.id in kept:
                held.since = asked
            elif held.task and not held.task.done():
                log.warning("job %s %s: its lease is lost", held.claimed.kind, held.claimed.id)
                held.task.cancel()

    async def wind_down(self) -> None:
        """Let running jobs end within the grace time, then stop them; they go back for others to run."""
        running = [h.task for h in self.held.values() if h.task]
        if not running:
            return
        _done, late = await asyncio.wait(running, timeout=self.pace.grace)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=self.pace.grace)
