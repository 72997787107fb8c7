"""Events get positions once, in order, from one elected process; later commits get later numbers."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from crm_core.db.types import utcnow, uuid7
from crm_core.entity.event_rows import EventPosition, EventRow
from crm_core.jobs.dispatch import Dispatcher
from crm_core.jobs.rows import Lease
from crm_faults.world import World


async def write_events(world: World, count: int, ids: list[UUID] | None = None) -> list[UUID]:
    ids = ids or [uuid7() for _ in range(count)]
    row = {"at": utcnow(), "type": "test", "v": 1, "actor": "system:test", "cause": uuid4()}
    async with world.kernel.db.write.begin() as connection:
        await connection.execute(sa.insert(EventRow.__table__), [{"id": i, **row} for i in ids])
    return ids


async def positions(world: World) -> list[UUID]:
    of_test = sa.select(EventRow.id).where(EventRow.type == "test")
    found = sa.select(EventPosition.event_id).where(EventPosition.event_id.in_(of_test))
    async with world.kernel.db.read.connect() as connection:
        return list(await connection.scalars(found.order_by(EventPosition.position)))


@pytest.fixture(autouse=True)
async def numbered(world: World) -> None:
    """Number the events of the fresh installation itself, and resign."""
    await Dispatcher(world.kernel).number()
    async with world.kernel.db.write.begin() as connection:
        await connection.execute(sa.delete(Lease.__table__))


async def test_committed_events_are_numbered_in_order(world: World) -> None:
    ids = await write_events(world, 25)
    dispatcher = Dispatcher(world.kernel)
    assert await dispatcher.number() == 25
    assert await positions(world) == ids
    assert await dispatcher.number() == 0


async def test_event_committed_late_gets_a_later_number(world: World) -> None:
    early, late = uuid7(), uuid7()
    dispatcher = Dispatcher(world.kernel)
    await write_events(world, 1, [late])
    await dispatcher.number()
    await write_events(world, 1, [early])
    await dispatcher.number()
    assert await positions(world) == [late, early]


async def test_event_of_a_very_long_transaction_is_found_by_the_far_look(world: World) -> None:
    dispatcher = Dispatcher(world.kernel)
    await write_events(world, 1)
    await dispatcher.number()
    old = UUID(int=int((utcnow() - timedelta(minutes=5)).timestamp() * 1000) << 80 | 7 << 76 | 2 << 62)
    await write_events(world, 1, [old])
    assert await dispatcher.number() == 0
    assert dispatcher.far_at is not None
    dispatcher.far_at -= timedelta(minutes=1)
    assert await dispatcher.number() == 1


async def test_one_process_numbers_and_another_takes_over_when_it_is_gone(world: World) -> None:
    one, two = Dispatcher(world.kernel), Dispatcher(world.kernel)
    await write_events(world, 3)
    assert sorted(await asyncio.gather(one.number(), two.number())) == [0, 3]
    await write_events(world, 2)
    async with world.kernel.db.write.begin() as connection:
        await connection.execute(
            sa.text("update core_lease set until = :old"),
            {
                "old": "2020-01-01T00:00:00.000000Z"
                if world.kernel.db.dialect == "sqlite"
                else utcnow() - timedelta(days=1)
            },
        )
    assert await two.number() + await one.number() == 2
    assert len(await positions(world)) == 5
