"""Jobs through Redis: the message is only a pointer, the row decides."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
import redis.asyncio
from crm_core.config import Config
from crm_core.jobs import transport
from crm_core.jobs.execute import Pace
from crm_core.jobs.runner import claim
from crm_core.jobs.transport import DEAD_LETTERS, WorkerLoop, announce, hear, queue_key
from crm_faults.schemas import Leave
from crm_faults.world import World

pytestmark = pytest.mark.redis
PACE = Pace(concurrent=4, lease=5.0, poll=0.1, back_off=0.05, grace=0.5)


@pytest.fixture
def config(base_config: Config, database_url: str, redis_url: str) -> Config:
    return base_config.but(database_url=database_url, redis_url=redis_url)


@asynccontextmanager
async def working(world: World, pace: Pace = PACE) -> AsyncIterator[WorkerLoop]:
    loop = WorkerLoop(world.kernel, pace)
    task = asyncio.create_task(loop.run())
    try:
        yield loop
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def line(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    client = redis.asyncio.Redis.from_url(redis_url)
    try:
        yield client
    finally:
        await client.aclose()


async def effects(world: World, count: int, seconds: float = 15.0) -> list[int]:
    deadline = time.monotonic() + seconds
    while len(found := await world.effects()) < count and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    return found


async def test_jobs_go_through_redis_to_their_effects(world: World) -> None:
    await world.enqueue(*(Leave(number=n) for n in range(50)))
    async with working(world):
        assert sorted(await effects(world, 50)) == list(range(50))
    assert {(r.state, r.attempts) for r in await world.jobs() if r.kind == "faults.leave"} == {("done", 1)}


@pytest.mark.counted
async def test_poisoned_messages_are_dropped_to_a_list_and_none_is_executed(world: World, redis_url: str) -> None:
    import pickle

    poison = [
        b"", b"\x00\xff", b"not ours", b"null", b"[" * 100_000, b'{"actor_name": "os.system", "args": ["id"]}',
        pickle.dumps(print), b"a" * 1_000_000, b"'; drop table core_job; --",
    ]  # fmt: skip
    async with line(redis_url) as client:
        await client.rpush(queue_key("default"), *poison)
        await world.enqueue(Leave(number=1))
        async with working(world):
            assert await effects(world, 1) == [1]
            for _ in range(100):
                if await client.llen(DEAD_LETTERS) == len(poison):
                    break
                await asyncio.sleep(0.05)
            assert sorted(await client.lrange(DEAD_LETTERS, 0, -1)) == sorted(poison)
    print(f"T26: N = {len(poison)} poisoned messages, {len(poison)} among the dead letters, 0 executed")


async def test_message_with_a_wrong_or_old_token_does_nothing(world: World, redis_url: str) -> None:
    [job_id] = await world.enqueue(Leave(number=1))
    [claimed] = await claim(world.kernel, 1, 60.0, counts=False)
    async with line(redis_url) as client, working(world):
        await client.rpush(queue_key("default"), f"{job_id} {uuid4()}", f"{uuid4()} {claimed.token}")
        await asyncio.sleep(0.5)
        assert await world.effects() == []
        await client.rpush(queue_key("default"), *[transport.encode(claimed)] * 3)  # and a right one, three times
        assert await effects(world, 1) == [1]
        await asyncio.sleep(0.3)
    assert await world.effects() == [1]


async def test_message_lost_by_redis_is_healed_by_the_lease(
    world: World, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "HANDOVER_SECONDS", 1.0)
    [job_id] = await world.enqueue(Leave(number=1))
    assert len(await claim(world.kernel, 1, 1.0, counts=False)) == 1  # handed over, and Redis forgot it
    async with working(world):
        assert await effects(world, 1, 8) == [1]
    assert (await world.job(job_id)).attempts == 1  # an attempt that never began does not count


async def test_jobs_wait_while_redis_is_away(world: World, redis_server: Any) -> None:
    async with working(world):
        redis_server.stop()
        try:
            await world.enqueue(Leave(number=1))
            await asyncio.sleep(0.5)
            assert {r.attempts for r in await world.jobs()} == {0}
        finally:
            redis_server.start()
        assert await effects(world, 1, 20) == [1]


async def test_web_process_calls_the_workers_after_a_commit(world: World) -> None:
    other = type("Other", (), {"config": world.kernel.config, "wake": asyncio.Event()})()
    tasks = [asyncio.create_task(announce(world.kernel)), asyncio.create_task(hear(other))]
    await asyncio.sleep(0.3)
    await world.enqueue(Leave(number=1))
    await asyncio.wait_for(other.wake.wait(), 2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
