"""Small jobs per second, and the time from commit to start: embedded on SQLite, and through Redis on PostgreSQL.

Run `uv run python benchmarks/jobs.py [--jobs 3000]`. Each job inserts one row in the transaction that ends
it. Beside it, as a yardstick for the machine at that moment: bare transactions that insert the same row.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import uvloop

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "crm_core/tests/jobs/packages"))

from crm_core.auth.actor import system  # noqa: E402 - after the path is set
from crm_core.config import Config  # noqa: E402 - after the path is set
from crm_core.db import migrate  # noqa: E402 - after the path is set
from crm_core.jobs.background import background  # noqa: E402 - after the path is set
from crm_core.kernel import Kernel, open_kernel  # noqa: E402 - after the path is set
from crm_core.testing.databases import Databases  # noqa: E402 - after the path is set
from crm_core.testing.servers import RedisServer  # noqa: E402 - after the path is set
from crm_faults import plugin  # noqa: E402 - after the path is set
from crm_faults.jobs import DDL  # noqa: E402 - after the path is set
from crm_faults.running import KEY, Installation  # noqa: E402 - after the path is set
from crm_faults.schemas import Leave  # noqa: E402 - after the path is set

BATCH = 500
GOALS = {"embedded": 500, "redis": 250}
LATENCY_GOAL_MS = 100


@asynccontextmanager
async def prepared(folder: Path, url: str, redis_url: str | None) -> AsyncIterator[Kernel]:
    """Open a kernel on a migrated database with the table the jobs write to."""
    config = Config(folder=folder, database_url=url, redis_url=redis_url, secret_key=KEY)
    kernel = await open_kernel(config, extra=(("faults", plugin),))
    await migrate.upgrade(url, migrate.packages(kernel.registry))
    async with kernel.db.write.begin() as connection:
        await connection.execute(sa.text(DDL))
    yield kernel
    await kernel.close()


async def enqueue(kernel: Kernel, first: int, count: int) -> None:
    """Write jobs in transactions of `BATCH`."""
    for start in range(first, first + count, BATCH):
        async with kernel.write(system("benchmark")) as uow:
            for number in range(start, min(start + BATCH, first + count)):
                await uow.enqueue(Leave(number=number))


async def wait_for(kernel: Kernel, count: int) -> None:
    """Wait until so many effects are there."""
    for _ in range(20_000):
        async with kernel.db.read.connect() as connection:
            if (await connection.scalar(sa.text("select count(*) from faults_effect")) or 0) >= count:
                return
        await asyncio.sleep(0.02)
    raise TimeoutError("the jobs did not end")


async def bare(kernel: Kernel, count: int = 500) -> float:
    """Return bare one-row transactions per second, 8 at once."""
    insert = sa.text("insert into faults_effect (number, attempt, at) values (-1, 0, 0)")

    async def some() -> None:
        for _ in range(count // 8):
            async with kernel.db.write.begin() as connection:
                await connection.execute(insert)

    began = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(8)))
    rate = count / (time.perf_counter() - began)
    async with kernel.db.write.begin() as connection:
        await connection.execute(sa.text("delete from faults_effect where number < 0"))
    return rate


async def latencies(kernel: Kernel, first: int, count: int = 100) -> list[float]:
    """Return the milliseconds from commit to the job's own statement, one job at a time."""
    found = []
    for number in range(first, first + count):
        async with kernel.write(system("benchmark")) as uow:
            await uow.enqueue(Leave(number=number))
        committed = time.time()
        at: Any = None
        while at is None:
            await asyncio.sleep(0.005)
            async with kernel.db.read.connect() as connection:
                at = await connection.scalar(sa.text("select at from faults_effect where number = :n"), {"n": number})
        found.append((at - committed) * 1000)
        await asyncio.sleep(0.02)
    return found


async def measured(name: str, kernel: Kernel, jobs: int) -> None:
    """Measure with jobs being run by whoever runs them, and print one line."""
    await enqueue(kernel, 0, 1)
    await wait_for(kernel, 1)
    yardstick = await bare(kernel)
    began = time.perf_counter()
    await enqueue(kernel, 1, jobs)
    written = time.perf_counter() - began
    await wait_for(kernel, jobs + 1)
    rate = jobs / (time.perf_counter() - began)
    waits = await latencies(kernel, jobs + 1)
    p50, p95 = statistics.median(waits), statistics.quantiles(waits, n=20)[18]
    print(
        f"{name:<9} {rate:7.0f} jobs/s (goal {GOALS[name]}), writing them included ({written:.1f} s);"
        f" bare transactions {yardstick:.0f}/s, ratio {rate / yardstick:.2f};"
        f" commit to start p50 {p50:.1f} ms, p95 {p95:.1f} ms (goal {LATENCY_GOAL_MS})"
    )


async def embedded(folder: Path, jobs: int) -> None:
    """SQLite, jobs in the web process's loop."""
    async with prepared(folder, f"sqlite+aiosqlite:///{folder / 'crm.db'}", None) as kernel, background(kernel):
        await measured("embedded", kernel, jobs)


async def through_redis(folder: Path, url: str, redis_url: str, jobs: int) -> None:
    """PostgreSQL and Redis, two worker processes beside this one."""
    async with prepared(folder, url, redis_url) as kernel, background(kernel):
        installation = Installation(folder / "workers", url, redis_url)
        installation.start("worker", "--processes", "2")
        try:
            await measured("redis", kernel, jobs)
        finally:
            await asyncio.to_thread(installation.close)


def main() -> None:
    """Run both and print them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=3000)
    jobs = parser.parse_args().jobs
    databases, redis = Databases(), RedisServer()
    try:
        with tempfile.TemporaryDirectory() as folder:
            uvloop.run(embedded(Path(folder), jobs))
        with tempfile.TemporaryDirectory() as folder:
            uvloop.run(through_redis(Path(folder), databases.server.create("benchmark"), redis.url, jobs))
    finally:
        redis.close()
        del databases  # the server ends with this process


if __name__ == "__main__":
    main()
