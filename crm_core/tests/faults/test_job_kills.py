"""F2 and F3: dispatch loops and workers are killed at each step of each kind of job; other ones go on with the jobs."""

from __future__ import annotations

import asyncio
import math
import time
from pathlib import Path

import pytest
from crm_core.config import Config
from crm_core.kernel import Kernel
from crm_kills import failpoints
from crm_kills.forged import Processes
from crm_kills.ledger import KINDS, Ledger

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

DISPATCH_KILLS = 500
WORKER_KILLS = 1000
SETUPS = 3
"""SQLite; PostgreSQL; PostgreSQL and Redis."""
DIALECTS = ("sqlite", "postgresql")
WORKERS = 2
QUICK_LEASE, USUAL_LEASE = 2.0, 15.0
MOST_AT_ONCE = 4
"""Jobs that wait for their kill: more would only take each other along."""
PATIENCE = 200.0
STUCK = 3.0


def workers(processes: Processes, kernel: Kernel, folder: Path, **config: object) -> None:
    settings: Config = kernel.config.but(testing=False, base_url="", log_level="error", jobs=True, **config)
    for _number in range(WORKERS):
        processes.worker(settings, folder, concurrent=2)


async def kill_each(ledger: Ledger, jobs: list[tuple[str, str]], pause: float) -> None:
    """Enqueue (kind, step) until a process died for each, and wait for the end of all jobs.

    A job may end while its process dies for another one; such a pair is enqueued again.
    """
    left = jobs
    while left:
        first = len(ledger.asked)
        await enqueue_as_they_die(ledger, left, pause)
        await ledger.wait(PATIENCE)
        killed = failpoints.kills(ledger.folder / "kills")
        left = [pair for number, pair in enumerate(left, first) if number not in killed]


async def enqueue_as_they_die(ledger: Ledger, jobs: list[tuple[str, str]], pause: float) -> None:
    """Enqueue (kind, step), never far ahead of the kills; after a while those that have not come are not waited for."""
    missed = 0
    for number, (kind, step) in enumerate(jobs, len(ledger.asked)):
        await ledger.enqueue(number, kind, step)
        deadline = time.monotonic() + STUCK
        while (waiting := number - ledger.struck()) - missed >= MOST_AT_ONCE:
            if time.monotonic() > deadline:
                missed = waiting
            await asyncio.sleep(0.05)
        await asyncio.sleep(pause)


def cases(share: int, setup: int) -> list[tuple[str, str]]:
    """Return (kind, step) of each kill: all pairs in turn; a share begins at another pair in each set-up."""
    pairs = [(kind, step) for step in failpoints.JOB_STEPS for kind in KINDS]
    kills = math.ceil(WORKER_KILLS / SETUPS / share)
    return [pairs[(n + setup * len(pairs) // SETUPS) % len(pairs)] for n in range(kills)]


async def worker_kills(
    kernel: Kernel, processes: Processes, folder: Path, jobs: list[tuple[str, str]], lease: float, name: str
) -> None:
    ledger = Ledger(kernel, folder)
    await ledger.prepare()
    started = time.monotonic()
    workers(processes, kernel, folder, job_lease=lease)
    await kill_each(ledger, jobs, 0.0)
    deaths = processes.stop()
    found = await ledger.outcome()
    seconds = time.monotonic() - started
    print(f"\nF3 {name}, {len(set(ledger.asked.values()))} kinds, lease {lease:g} s: {found.told()}; {seconds:.0f} s")
    assert deaths == len(found.killed) == len(jobs)
    assert (found.lost, found.twice, found.dead, found.overtaken) == (0, 0, 0, 0)
    assert found.heals[-1] < 120
    assert found.heals[len(found.heals) // 2] < 30


async def test_jobs_of_every_kind_survive_kills_of_their_worker_at_every_step(
    kernel: Kernel, processes: Processes, tmp_path: Path, dialect: str, full: bool, share: int
) -> None:
    lease = USUAL_LEASE if full else QUICK_LEASE
    jobs = cases(share, DIALECTS.index(dialect))
    await worker_kills(kernel, processes, tmp_path / "work", jobs, lease, dialect)


@pytest.mark.redis
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
async def test_jobs_of_every_kind_survive_kills_of_workers_behind_redis_at_every_step(
    scaled_out: Kernel, processes: Processes, tmp_path: Path, full: bool, share: int
) -> None:
    lease = USUAL_LEASE if full else QUICK_LEASE
    await worker_kills(scaled_out, processes, tmp_path / "work", cases(share, 2), lease, "postgresql and redis")


@pytest.mark.redis
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
async def test_jobs_survive_kills_of_the_dispatch_loop_at_every_step(
    scaled_out: Kernel, processes: Processes, tmp_path: Path, full: bool, share: int
) -> None:
    ledger = Ledger(scaled_out, tmp_path / "work")
    await ledger.prepare()
    (ledger.folder / "kills" / failpoints.ASK).touch()
    steps = failpoints.DISPATCH_STEPS
    kills = DISPATCH_KILLS // share
    started = time.monotonic()
    workers(processes, scaled_out, ledger.folder, job_lease=USUAL_LEASE)
    await kill_each(ledger, [("plain", steps[n % len(steps)]) for n in range(kills)], 0.05)
    deaths = processes.stop()
    found = await ledger.outcome()
    print(f"\nF2: {found.told()}; {time.monotonic() - started:.0f} s")
    assert deaths == len(found.killed) == kills
    assert (found.lost, found.twice, found.dead) == (0, 0, 0)
    assert found.heals[-1] < 60
