"""Schedules: each tick once, on the clock of their zone, late ones once together."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from crm_core.db.types import utcnow
from crm_core.jobs import schedules
from crm_core.jobs.rows import ScheduleRow
from crm_core.jobs.runner import run_due
from crm_faults.schemas import Tick
from crm_faults.world import World


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


async def rows(world: World) -> list[sa.Row[tuple[object, ...]]]:
    async with world.kernel.db.read.connect() as connection:
        found = await connection.execute(sa.select(ScheduleRow.__table__).order_by(ScheduleRow.key))
        return [r for r in found if r.key.startswith("test")]


async def put(world: World, key: str = "test", cron: str = "*/5 * * * *", zone: str = "UTC") -> None:
    async with world.write() as uow:
        await uow.schedule(key, Tick(name=key), cron, zone)


async def test_tick_enqueues_once_whoever_looks(world: World) -> None:
    for number in range(5):
        await put(world, f"test{number}")
    then = utcnow() + timedelta(minutes=5)
    fired = await asyncio.gather(*(schedules.tick(world.kernel, then) for _ in range(4)))
    assert sum(fired) == 5
    assert len(await world.jobs()) == 5
    assert await schedules.tick(world.kernel, then) == 0


async def test_missed_ticks_fire_once_together_marked_late(world: World) -> None:
    await put(world)
    [before] = await rows(world)
    assert await schedules.tick(world.kernel, utcnow() + timedelta(hours=3)) == 1
    [job] = await world.jobs()
    assert (job.late, job.due_at) == (True, before.next_at)
    [row] = await rows(world)
    assert row.next_at > utcnow() + timedelta(hours=3) - timedelta(seconds=1)
    assert row.last_at == before.next_at


async def test_tick_in_time_is_not_late(world: World) -> None:
    await put(world)
    [before] = await rows(world)
    await schedules.tick(world.kernel, before.next_at + timedelta(seconds=2))
    [job] = await world.jobs()
    assert job.late is False
    await run_due(world.kernel, until=job.run_at)
    assert await world.effects() == [int(before.next_at.timestamp())]


async def test_same_schedule_again_keeps_its_next_tick_and_a_new_cron_moves_it(world: World) -> None:
    await put(world, cron="0 3 1 1 *")
    [one] = await rows(world)
    await put(world, cron="0 3 1 1 *")
    [two] = await rows(world)
    assert one.next_at == two.next_at
    await put(world, cron="0 4 1 1 *")
    [three] = await rows(world)
    assert three.next_at == one.next_at + timedelta(hours=1)
    async with world.write() as uow:
        await uow.unschedule("test")
    assert await rows(world) == []


async def test_schedule_of_an_absent_plugin_waits(world: World) -> None:
    await put(world)
    async with world.kernel.db.write.begin() as connection:
        await connection.execute(sa.update(ScheduleRow.__table__).values(kind="gone.tick"))
    assert await schedules.tick(world.kernel, utcnow() + timedelta(days=1)) == 0
    await schedules.fill(world.kernel)
    assert len(await rows(world)) == 1


async def test_declared_schedules_are_filled_once(world: World) -> None:
    for _start in range(2):
        await schedules.fill(world.kernel)
    async with world.kernel.db.read.connect() as connection:
        keys = list(await connection.scalars(sa.select(ScheduleRow.key)))
    assert keys.count("core.purge_jobs") == 1


def test_fixed_hour_keeps_to_the_wall_clock_over_the_change_of_time() -> None:
    spring = schedules.next_tick("30 2 * * *", "Europe/Berlin", at("2026-03-28T12:00:00+01:00"))
    assert spring == at("2026-03-29T03:00:00+02:00")  # 02:30 does not exist: right after the gap
    assert schedules.next_tick("30 2 * * *", "Europe/Berlin", spring) == at("2026-03-30T02:30:00+02:00")
    autumn = schedules.next_tick("30 2 * * *", "Europe/Berlin", at("2026-10-24T12:00:00+02:00"))
    assert schedules.next_tick("30 2 * * *", "Europe/Berlin", autumn) == at("2026-10-26T02:30:00+01:00")
    assert schedules.next_tick("0 9 * * *", "America/New_York", at("2026-07-01T00:00:00+00:00")) == at(
        "2026-07-01T13:00:00+00:00"
    )


def test_leap_day_is_found() -> None:
    assert schedules.next_tick("0 0 29 2 *", "UTC", at("2026-03-01T00:00:00+00:00")) == at("2028-02-29T00:00:00+00:00")


@pytest.mark.parametrize(
    ("cron", "zone"), [("never", "UTC"), ("0 0 31 2 *", "UTC"), ("* * * * *", "Mars/Base"), ("* * * * *", "../etc")]
)
def test_schedule_that_cannot_be_understood_is_refused(cron: str, zone: str) -> None:
    with pytest.raises(schedules.BadSchedule):
        schedules.next_tick(cron, zone, utcnow())
