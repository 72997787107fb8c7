"""The inline runner: claims rows and runs them in this process's event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.db.tables import Epoch
from crm_core.db.types import utcnow
from crm_core.jobs import rows
from crm_core.jobs.execute import Pace, execute, give_back
from crm_core.jobs.leases import Leases
from crm_core.jobs.loops import cancelled

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

log = logging.getLogger(__name__)

# A claim costs a transaction, so quick jobs are claimed for this many seconds ahead.
AHEAD_SECONDS = 0.1
MOST_AHEAD = 16
STUCK_SECONDS = 1.0
LOOK_SECONDS = 1.0
"""How often jobs of dead processes are looked for while there is always more to do."""
EPOCHS = sa.select(Epoch.name, Epoch.value)
FAR = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Seen:
    """What the table looked like: when the next job is due, and whether a lease ran out."""

    next_at: datetime | None
    expired: bool

    def seconds(self) -> float:
        """Return the time until the next job is due; infinite when none waits."""
        return (self.next_at - utcnow()).total_seconds() if self.next_at else float("inf")


async def claim(
    kernel: Kernel, limit: int, lease: float, *, until: datetime | None = None, counts: bool = True
) -> list[rows.Claimed]:
    """Claim up to `limit` jobs of the kinds this process knows, and take note of raised epochs."""
    kinds = tuple(kernel.registry.jobs_by_name)
    async with kernel.db.write.begin() as connection:
        taken = await rows.claim(connection, kinds, limit, lease, until=until, counts=counts)
        if taken:
            kernel.epochs.update(dict((await connection.execute(EPOCHS)).all()))
        return taken


async def look(kernel: Kernel) -> Seen:
    """Look at the table without writing."""
    kinds = tuple(kernel.registry.jobs_by_name)
    async with kernel.db.read.connect() as connection:
        waiting = rows.job.state == rows.PENDING
        next_at = sa.select(sa.func.min(rows.job.run_at, type_=rows.job.run_at.type)).where(
            waiting, rows.job.kind.in_(kinds)
        )
        over = sa.exists().where(rows.job.state == rows.RUNNING, rows.job.lease_until < rows.clock(connection))
        found = (await connection.execute(sa.select(next_at.scalar_subquery(), over))).one()
    return Seen(found[0], bool(found[1]))


async def until_next(kernel: Kernel, poll: float) -> float:
    """Give jobs of dead processes back; return how many seconds to wait for the next job, at most `poll`."""
    seen = await look(kernel)
    if seen.expired:
        async with kernel.db.write.begin() as connection:
            await rows.reap(connection)
        return 0.0
    seconds = seen.seconds()
    # Due, yet not claimed: its lane is busy, or it came this moment and its commit wakes us.
    return min(poll, max(0.01, seconds)) if seconds > 0 else poll


@dataclass(slots=True)
class Runner:
    """Runs jobs until it is stopped; one per process."""

    kernel: Kernel
    pace: Pace = field(default_factory=Pace)
    queue: asyncio.Queue[rows.Claimed] = field(default_factory=asyncio.Queue)
    ended: int = 0
    hungry: bool = False
    looked: float = 0.0
    leases: Leases = field(init=False)

    def __post_init__(self) -> None:
        self.leases = Leases(self.kernel, self.pace)

    async def run(self) -> None:
        """Claim, run, and keep leases until cancelled; then let running jobs end within the grace time."""
        slots = [asyncio.create_task(self._slot()) for _ in range(self.pace.concurrent)]
        beat = [asyncio.create_task(self.leases.beat()), asyncio.create_task(self._unload_when_stuck())]
        try:
            await self._claim_for_ever()
        finally:
            await self._unload()
            await self.leases.wind_down()
            for task in (*slots, *beat):
                task.cancel()
            await asyncio.gather(*beat, *slots, return_exceptions=True)

    async def _claim_for_ever(self) -> None:
        wake, asked = self.kernel.wake, time.monotonic()
        while not cancelled():
            wake.clear()
            pause = self.pace.poll
            try:
                pause = await self._claim(time.monotonic() - asked)
            except Exception as error:  # noqa: BLE001 - the database is away: try again
                log.warning("jobs cannot be claimed: %s", error)
            asked = time.monotonic()
            if pause > 0 and not wake.is_set():
                waiting = asyncio.get_running_loop().call_later(pause, wake.set)
                await wake.wait()
                waiting.cancel()

    async def _claim(self, elapsed: float) -> float:
        """Claim what there is room for; return how many seconds to wait for a call."""
        ahead = min(MOST_AHEAD, int(self.ended / max(elapsed, 0.001) * AHEAD_SECONDS))
        self.ended = 0
        room = self.pace.concurrent + ahead - len(self.leases.held)
        self.hungry = False
        if room <= 0:
            self.hungry = True
            return await self._while_hungry()
        taken = await claim(self.kernel, room, self.pace.lease)
        for claimed in taken:
            self.leases.hold(claimed)
            self.queue.put_nowait(claimed)
        self.hungry = len(taken) == room
        return await self._while_hungry() if self.hungry else await until_next(self.kernel, self.pace.poll)

    async def _while_hungry(self) -> float:
        if time.monotonic() - self.looked > LOOK_SECONDS:
            self.looked = time.monotonic()
            await until_next(self.kernel, self.pace.poll)
        return self.pace.poll

    async def _slot(self) -> None:
        while True:
            claimed = await self.queue.get()
            await self.leases.run(claimed)
            self.ended += 1
            if claimed.lane or (self.hungry and self.queue.qsize() <= self.pace.concurrent // 2):
                self.kernel.wake.set()

    async def _unload_when_stuck(self) -> None:
        """Give back what was claimed ahead when the jobs before it take long."""
        while not cancelled():
            ended = self.ended
            await asyncio.sleep(STUCK_SECONDS)
            if self.queue.qsize() and self.ended == ended:
                await self._unload()

    async def _unload(self) -> None:
        waiting: list[rows.Claimed] = []
        while not self.queue.empty():
            waiting.append(self.queue.get_nowait())
            self.leases.drop(waiting[-1])
        try:
            await give_back(self.kernel, waiting)
        except Exception as error:  # noqa: BLE001 - the lease heals it
            log.warning("waiting jobs could not be given back: %s", error)


async def run_due(kernel: Kernel, *, until: datetime | None = None, pace: Pace | None = None) -> Sequence[rows.Claimed]:
    """Run all jobs that are due, also those they enqueue, one after the other; for tests and commands.

    until: also those due by then, `FAR` for all. Returns what was run, an entry per attempt.
    """
    pace = pace or Pace()
    ran: list[rows.Claimed] = []
    while taken := await claim(kernel, 1, pace.lease, until=until):
        for claimed in taken:
            await execute(kernel, claimed, pace)
            ran.append(claimed)
    return ran
