"""F6: two at once - clicks, senders, dispatchers, schedulers - and one effect."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import perf_counter
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.features.companies.models import Company
from crm_core.jobs import schedules
from crm_core.jobs.rows import JobRow
from crm_core.jobs.runner import claim
from crm_core.kernel import Kernel
from crm_core.testing.people import Api

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]


@pytest.fixture
def plugins() -> Sequence[tuple[str, ModuleType]]:
    """The installed plugins and the one with test jobs."""
    import sys
    from pathlib import Path

    path = str(Path(__file__).parents[1] / "jobs" / "packages")
    if path not in sys.path:
        sys.path.append(path)
    from crm_faults import plugin

    return (("faults", plugin),)


async def test_double_click_with_one_key_makes_one_record(kernel: Kernel, api: Api, full: bool) -> None:
    kernel.db.write_limit = None
    pairs, started = 3000 if full else 150, perf_counter()
    for number in range(pairs):
        send = (
            api.client.post("/api/v1/companies", json={"name": f"C{number}"},
                            headers={**api.headers, "idempotency-key": f"k{number}"})
            for _ in range(2)
        )  # fmt: skip
        one, two = await asyncio.gather(*send)
        assert (one.status_code, two.status_code, one.json()) == (201, 201, two.json())
    async with kernel.read(system("test")) as uow:
        counted = Counter(await uow.session.scalars(sa.select(Company.name)))
    twice = [n for n, c in counted.items() if c != 1]
    print(f"F6 {kernel.db.dialect}: {pairs} double clicks, {len(twice)} twice, {pairs - len(counted)} lost, "
          f"{perf_counter() - started:.0f} s")  # fmt: skip
    assert (twice, len(counted)) == ([], pairs)


async def test_two_senders_of_one_key_and_four_dispatchers_run_each_job_once(kernel: Kernel, full: bool) -> None:
    from crm_faults.schemas import Leave

    kernel.db.write_limit = None
    count, started = 5000 if full else 250, perf_counter()

    async def enqueue(number: int) -> None:
        async with kernel.write(system("test")) as uow:
            await uow.enqueue(Leave(number=number), key=f"once:send {number}")

    for number in range(0, count, 10):
        await asyncio.gather(*(enqueue(n) for n in range(number, number + 10) for _ in range(2)))
    async with kernel.db.read.connect() as connection:
        rows = len((await connection.execute(sa.select(JobRow.id).where(JobRow.kind == "faults.leave"))).all())
    taken: list[Any] = []
    while found := [c for part in await asyncio.gather(*(claim(kernel, 7, 600.0) for _ in range(4))) for c in part]:
        taken += found
    ids = [c.id for c in taken if c.kind == "faults.leave"]
    print(f"F6 {kernel.db.dialect}: {count} jobs sent by two at once, {rows} rows; four dispatchers claimed {len(ids)}, "  # noqa: E501
          f"{len(ids) - len(set(ids))} twice, {perf_counter() - started:.0f} s")  # fmt: skip
    assert (rows, len(ids), len(set(ids))) == (count, count, count)


async def test_three_schedulers_fire_each_tick_once(kernel: Kernel, full: bool) -> None:
    from crm_faults.schemas import Tick

    kernel.db.write_limit = None
    ticks, at, fired = 2000 if full else 100, datetime(2030, 1, 1, tzinfo=UTC), 0
    async with kernel.write(system("test")) as uow:
        await uow.schedule("minutely", Tick(name="x"), "* * * * *")
    async with kernel.db.write.begin() as connection:
        table = sa.inspect(schedules.SCHEDULES)
        await connection.execute(sa.update(table).where(table.c.key != "minutely").values(enabled=False))
        await connection.execute(sa.update(table).where(table.c.key == "minutely").values(next_at=at))
    for number in range(ticks):
        now = at + timedelta(minutes=number)
        fired += sum(await asyncio.gather(*(schedules.tick(kernel, now) for _ in range(3))))
    async with kernel.db.read.connect() as connection:
        keys = list(await connection.scalars(sa.select(JobRow.key).where(JobRow.kind == "faults.tick")))
    print(f"F6 {kernel.db.dialect}: {ticks} ticks seen by three schedulers, {fired} fired, "
          f"{len(keys) - len(set(keys))} twice")  # fmt: skip
    assert (fired, len(keys), len(set(keys))) == (ticks, ticks, ticks)
