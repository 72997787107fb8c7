"""Processes are killed at random points while jobs run: none is lost, no effect is there twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.config import Config
from crm_core.db.types import utcnow
from crm_core.kernel import Kernel
from crm_faults.jobs import DDL
from crm_faults.schemas import Die, Fail, FailOnce, Leave
from crm_faults.world import World
from crm_kills.forged import Processes

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

SECONDS = 240
FULL, SHARE = (300, 30), (60, 3)
"""Jobs and kills."""


def settings(kernel: Kernel) -> Config:
    """Return the configuration of the processes: as installed, with short leases."""
    return kernel.config.but(testing=False, base_url="", log_level="error", jobs=True, job_lease=2.0)


def kill_one(processes: Processes, number: int) -> None:
    """Kill one process as a crash would."""
    found = processes.pids()
    with contextlib.suppress(ProcessLookupError):
        os.kill(found[number % len(found)], signal.SIGKILL)


async def kill_while_jobs_run(
    kernel: Kernel, processes: Processes, name: str, *, jobs: int, kills: int, half_way: Any = None
) -> World:
    """Enqueue jobs in batches and kill children as they progress; return when all jobs have ended."""
    chance = random.Random(jobs)
    kernel.db.write_limit = None  # on a busy machine the test's own writes may take their time
    world = World(kernel)
    async with kernel.db.write.begin() as connection:
        await connection.execute(sa.text(DDL))
    [failing] = await world.enqueue(Fail())
    await world.enqueue(FailOnce(number=jobs), Leave(number=jobs + 1), run_at=utcnow() + timedelta(seconds=1))
    at = sorted(chance.sample(range(1, jobs), kills))
    done, started = 0, time.monotonic()
    for start in range(0, jobs, 20):
        await world.enqueue(
            *(Leave(number=n, seconds=chance.choice((0, 0.01, 0.05))) for n in range(start, min(start + 20, jobs)))
        )
    deadline = asyncio.get_running_loop().time() + SECONDS
    while True:
        done = len(await world.effects())
        if at and done >= at[0]:
            kill_one(processes, chance.randrange(4))
            at.pop(0)
        if half_way and done > jobs // 2:
            half_way()
            half_way = None
        if not at and not await unfinished(world):
            break
        if at and done >= jobs:
            await world.enqueue(*(Leave(number=-1) for _ in at))  # they ended sooner than we could kill
            at = []
        assert asyncio.get_running_loop().time() < deadline, await unfinished(world)
        await asyncio.sleep(chance.uniform(0, 0.05))
    row = await world.job(failing)
    assert (row.state, row.attempts >= 3) == ("dead", True)
    deaths, rows = processes.stop(), await world.jobs()
    effects = Counter(n for n in await world.effects() if n >= 0)
    lost, twice = jobs + 2 - len(effects), sum(n > 1 for n in effects.values())
    print(
        f"\nRandom kills, {name}: N = {deaths} kills while {len(effects)} jobs ran in {sum(r.attempts for r in rows)} "
        f"attempts: {lost} lost, {twice} twice; {time.monotonic() - started:.0f} s"
    )
    assert deaths >= kills // 2  # a process may be hit again while it ends, and jobs may end before the last kills
    return world


async def unfinished(world: World) -> list[Any]:
    return [r for r in await world.jobs() if r.kind.startswith("faults.") and r.state not in ("done", "dead")]


async def nothing_lost_nothing_doubled(world: World, jobs: int) -> None:
    effects = [n for n in await world.effects() if n >= 0]
    assert sorted(effects) == list(range(jobs + 2))
    assert [r.state for r in await world.jobs() if r.kind.startswith("faults.") and r.state == "dead"] == ["dead"]


async def test_web_process_killed_while_it_runs_jobs(
    kernel: Kernel, processes: Processes, tmp_path: Path, dialect: str, full: bool
) -> None:
    jobs, kills = FULL if full else SHARE
    processes.web(settings(kernel), tmp_path / "web")
    world = await kill_while_jobs_run(kernel, processes, f"web process on {dialect}", jobs=jobs, kills=kills)
    await nothing_lost_nothing_doubled(world, jobs)


@pytest.mark.redis
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
async def test_workers_killed_and_redis_flushed_while_jobs_run(
    scaled_out: Kernel, processes: Processes, tmp_path: Path, redis_server: Any, full: bool
) -> None:
    jobs, kills = FULL if full else SHARE
    for number in range(2):
        processes.worker(settings(scaled_out), tmp_path / f"worker{number}", concurrent=8)
    world = await kill_while_jobs_run(
        scaled_out, processes, "two workers on postgresql, redis flushed", jobs=jobs, kills=kills,
        half_way=lambda: redis_server.command("FLUSHALL"),
    )  # fmt: skip
    await nothing_lost_nothing_doubled(world, jobs)


@pytest.mark.redis
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
async def test_redis_restarted_while_jobs_run(
    scaled_out: Kernel, processes: Processes, tmp_path: Path, redis_server: Any
) -> None:
    async def bounce() -> None:
        await asyncio.to_thread(redis_server.stop, hard=True)
        await asyncio.sleep(1.5)
        await asyncio.to_thread(redis_server.start)

    tasks: list[asyncio.Task[None]] = []
    processes.worker(settings(scaled_out), tmp_path / "worker", concurrent=8)
    world = await kill_while_jobs_run(
        scaled_out, processes, "one worker on postgresql, redis restarted", jobs=60, kills=1,
        half_way=lambda: tasks.append(asyncio.create_task(bounce())),
    )  # fmt: skip
    await asyncio.gather(*tasks)
    await nothing_lost_nothing_doubled(world, 60)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_job_that_kills_its_process_ends_dead_and_takes_nobody_along(
    kernel: Kernel, processes: Processes, tmp_path: Path
) -> None:
    kernel.db.write_limit = None  # on a busy machine the test's own writes may take their time
    world = World(kernel)
    async with kernel.db.write.begin() as connection:
        await connection.execute(sa.text(DDL))
    [killer] = await world.enqueue(Die())
    await world.enqueue(*(Leave(number=n, seconds=0.2) for n in range(20)))
    processes.web(settings(kernel), tmp_path / "web")
    deadline = asyncio.get_running_loop().time() + SECONDS
    while await unfinished(world):
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.2)
    row = await world.job(killer)
    assert processes.stop() == 3
    assert (row.state, row.attempts) == ("dead", 3)
    assert "the process that ran it ended" in row.error
    assert sorted(await world.effects()) == list(range(20))
