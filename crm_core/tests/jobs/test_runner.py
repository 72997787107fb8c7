"""The inline runner: prompt, many at once, leases kept, an orderly end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from crm_core.db.types import utcnow
from crm_core.jobs.background import background
from crm_core.jobs.execute import Pace
from crm_core.jobs.runner import Runner
from crm_faults.schemas import Count, Fail, Leave
from crm_faults.world import QUICK, World


@asynccontextmanager
async def running(world: World, pace: Pace = QUICK) -> AsyncIterator[Runner]:
    runner = Runner(world.kernel, pace)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], Any], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not await true():
        assert time.monotonic() < deadline, "did not come true in time"
        await asyncio.sleep(0.02)


async def test_job_starts_promptly_after_the_commit(world: World) -> None:
    async with running(world, Pace(poll=5.0)):
        await asyncio.sleep(0.2)
        began = time.monotonic()
        await world.enqueue(Leave(number=1))
        await until(world.effects)
        assert time.monotonic() - began < 1.0


async def test_hundred_jobs_leave_hundred_effects(world: World) -> None:
    async with running(world):
        await world.enqueue(*(Leave(number=n) for n in range(100)))

        async def all_there() -> bool:
            return len(await world.effects()) == 100

        await until(all_there, 20)
    assert sorted(await world.effects()) == list(range(100))
    assert {r.state for r in await world.jobs()} == {"done"}


async def test_delayed_job_starts_on_time_without_a_call(world: World) -> None:
    async with running(world, Pace(poll=5.0)):
        await world.enqueue(Leave(number=1), run_at=utcnow() + timedelta(seconds=0.5))
        await asyncio.sleep(0.2)
        assert await world.effects() == []
        await until(world.effects, 3)


async def test_job_longer_than_its_lease_is_run_once(world: World) -> None:
    short = Pace(concurrent=2, lease=0.6, poll=0.1, grace=0.5)
    async with running(world, short), running(world, short):
        await world.enqueue(Leave(number=1, seconds=2.0))
        await until(world.effects, 8)
        await asyncio.sleep(0.7)
    [row] = await world.jobs()
    assert (row.state, row.attempts, await world.effects()) == ("done", 1, [1])


async def test_job_of_a_dead_process_is_run_by_another_after_the_lease(world: World) -> None:
    from crm_core.jobs.runner import claim

    await world.enqueue(Leave(number=1))
    assert len(await claim(world.kernel, 1, 0.3)) == 1  # and never run: its process died
    async with running(world):
        await until(world.effects, 5)


async def test_running_job_is_given_back_when_the_process_stops(world: World) -> None:
    [job_id] = await world.enqueue(Leave(number=1, seconds=60))
    async with running(world, Pace(concurrent=1, lease=60.0, poll=0.1, grace=0.1)):

        async def is_running() -> bool:
            return bool((await world.job(job_id)).state == "running")

        await until(is_running)
    row = await world.job(job_id)
    assert (row.state, row.attempts) == ("pending", 0)


async def test_running_job_shows_progress_and_stops_when_cancelled(world: World) -> None:
    [job_id] = await world.enqueue(Count(total=1000), key="import")
    async with running(world):

        async def moved() -> Any:
            return (await world.job(job_id)).progress

        await until(moved)
        row = await world.job(job_id)
        assert (row.total, row.note.startswith("row ")) == (1000, True)
        async with world.write() as uow:
            await uow.cancel("import")

        async def ended() -> bool:
            return bool((await world.job(job_id)).state == "cancelled")

        await until(ended)


async def test_failing_job_does_not_hold_others_up(world: World) -> None:
    async with running(world):
        await world.enqueue(Fail(), Leave(number=1))
        await until(world.effects)

        async def dead() -> bool:
            return "dead" in {r.state for r in await world.jobs()}

        await until(dead)


async def test_job_of_a_dead_process_comes_back_while_there_is_more_to_do_than_time(world: World) -> None:
    from crm_core.jobs.runner import claim

    [lost] = await world.enqueue(Leave(number=-1))
    assert len(await claim(world.kernel, 1, 0.2)) == 1  # by a process that is no more
    await world.enqueue(*(Leave(number=n, seconds=0.02) for n in range(2000)))

    async def back() -> bool:
        row = await world.job(lost)
        return row.state != "running"

    async with running(world):
        await until(back, 5.0)
        assert len(await world.effects()) < 1500, "it had to wait for the others"


async def test_background_of_a_web_process_runs_jobs(world: World) -> None:
    world.kernel.config = world.kernel.config.but(jobs=True)
    async with background(world.kernel, QUICK):
        await world.enqueue(Leave(number=1))
        await until(world.effects)


async def test_progress_raises_inside_a_transaction(world: World) -> None:
    from crm_core.jobs.context import JobContext
    from crm_core.jobs.runner import claim
    from crm_faults.jobs import effect

    await world.enqueue(Count(total=1))
    [claimed] = await claim(world.kernel, 1, 5.0)
    job = JobContext(world.kernel, claimed, Count(total=1), 5.0)
    async with job.transaction() as uow:
        await effect(uow, 1)
        with pytest.raises(RuntimeError, match="inside a transaction"):
            await job.progress(1, 1)
