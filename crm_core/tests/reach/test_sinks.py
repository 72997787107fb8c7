"""Events leave by their number: at least once, in order, each sink by itself; a stuck sink is seen and can be freed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.db.types import utcnow
from crm_core.features.sinks import jsonl
from crm_core.features.sinks.settings import EventFileSettings
from crm_core.jobs import offices
from crm_core.jobs.sinks import NEWEST, Sinks, places_of
from crm_core.jobs.tables import LEASES, SINKS
from crm_core.kernel import Kernel
from crm_core.testing.people import People

if TYPE_CHECKING:
    from crm_two.outside import Outside

Number = Callable[[], Awaitable[int]]
Make = Callable[..., Awaitable[Any]]


@pytest.fixture
def plugins(two: Sequence[tuple[str, ModuleType]]) -> Sequence[tuple[str, ModuleType]]:
    """The two sinks beside the built-in ones."""
    return two


async def ready(kernel: Kernel, number: Number) -> Sinks:
    """Return a runner whose sinks have begun."""
    made = Sinks(kernel)
    await number()
    await made.look()
    return made


async def drain(sinks: Sinks) -> None:
    await sinks.look()
    while sinks.busy:
        await asyncio.gather(*sinks.busy.values())
        await asyncio.sleep(0)


async def due_now(kernel: Kernel) -> None:
    async with kernel.db.write.begin() as connection:
        await connection.execute(sa.update(SINKS).values(retry_at=utcnow() - timedelta(seconds=1)))


async def test_events_reach_every_sink_in_order_with_what_they_say(
    kernel: Kernel, contact: Make, number: Number, outside: dict[str, Outside]
) -> None:
    await contact(kernel, "before")
    await number()
    sinks = await ready(kernel, number)
    key = await contact(kernel, "Ada", changes=6)
    await number()
    await drain(sinks)
    for one in outside.values():
        assert [e.payload["after"]["last_name"] for e in one.taken] == [f"Ada {n}" for n in range(7)]
        assert [e.position for e in one.taken] == sorted(e.position for e in one.taken)
        assert one.taken[0].type == "core.contact.created"
        assert one.taken[0].about == [f"core.contact:{key}"]
        assert one.calls == 3
    assert {p.position for n, p in (await places_of(kernel)).items() if n.startswith("two.")} == {
        outside["one"].taken[-1].position
    }


async def test_position_is_stored_after_the_send_and_not_when_it_fails(
    kernel: Kernel, contact: Make, number: Number, outside: dict[str, Outside]
) -> None:
    sinks = await ready(kernel, number)
    outside["one"].poison = "Bad 0"
    before = (await places_of(kernel))["two.one"].position
    await contact(kernel, "Good")
    await contact(kernel, "Bad")
    await contact(kernel, "Late")
    await number()
    await drain(sinks)
    place = (await places_of(kernel))["two.one"]
    assert (place.position, place.attempts) == (before, 1)
    assert place.retry_at is not None
    assert place.retry_at > utcnow()
    assert len(outside["two"].taken) == 3, "a stuck sink holds up another"
    await drain(sinks)
    assert outside["one"].calls == 1, "it waits before it tries again"
    await due_now(kernel)
    await drain(sinks)
    assert [e.payload["after"]["last_name"] for e in outside["one"].taken] == ["Good 0"], "one by one after a failure"
    assert (await places_of(kernel))["two.one"].position > before


async def test_stuck_sink_is_seen_and_freed_by_an_administrator(
    kernel: Kernel, contact: Make, number: Number, outside: dict[str, Outside], as_user: People
) -> None:
    sinks = await ready(kernel, number)
    outside["one"].poison = "Bad 0"
    await contact(kernel, "Bad")
    await contact(kernel, "Late")
    await number()
    await drain(sinks)
    admin = await as_user("admin")
    found = await admin.api.get("/admin/sinks/two.one")
    assert (found["state"], found["lag"] >= 2, found["next_type"]) == ("failing", True, "core.contact.created")
    assert "cannot take Bad 0" in found["error"]
    shown = await admin.client.get("/admin/sinks")
    assert shown.status_code == 200
    assert "cannot take Bad 0" in shown.text
    wrong = await admin.api.send(
        "POST", "/admin/sinks/two.one/skip", 409, json={"position": found["next_position"] + 1}
    )
    assert wrong["status"] == 409
    await admin.api.send("POST", "/admin/sinks/two.one/skip", 200, json={"position": found["next_position"]})
    await drain(sinks)
    assert [e.payload["after"]["last_name"] for e in outside["one"].taken if e.entity == "core.contact"] == ["Late 0"]
    await admin.api.send("POST", "/admin/sinks/two.two/pause", 200)
    await contact(kernel, "Paused")
    await number()
    await drain(sinks)
    assert "Paused 0" not in str([e.payload for e in outside["two"].taken])
    await admin.api.send("POST", "/admin/sinks/two.two/resume", 200)
    await drain(sinks)
    assert "Paused 0" in str([e.payload for e in outside["two"].taken])
    seller = await as_user("sales")
    assert (await seller.client.get("/admin/sinks")).status_code == 403


async def test_one_process_at_a_time_feeds_a_sink(
    kernel: Kernel, contact: Make, number: Number, outside: dict[str, Outside]
) -> None:
    first, second = await ready(kernel, number), Sinks(kernel)
    await contact(kernel, "Ada")
    await number()
    async with kernel.db.write.begin() as connection:
        assert await offices.hold(connection, "sink:two.one", first.id, 60)
    await drain(second)
    assert outside["one"].calls == 0
    assert len(outside["two"].taken) == 1
    async with kernel.db.write.begin() as connection:
        await connection.execute(
            sa.update(LEASES).where(LEASES.c.name == "sink:two.one").values(until=utcnow() - timedelta(seconds=1))
        )
    await drain(second)
    assert len(outside["one"].taken) == 1


async def test_sink_nobody_wants_passes_events_over(kernel: Kernel, contact: Make, number: Number) -> None:
    sinks = await ready(kernel, number)
    await contact(kernel, "Ada")
    await number()
    await drain(sinks)
    place = (await places_of(kernel))["core.file"]
    assert place.position == place.newest > 0
    assert not (kernel.config.folder / "events").exists()


async def test_file_holds_each_event_as_a_line_and_half_a_line_is_repaired(
    kernel: Kernel, contact: Make, number: Number
) -> None:
    sinks = await ready(kernel, number)
    async with kernel.write(system("test")) as uow:
        await uow.save_settings(EventFileSettings(enabled=True))
    await contact(kernel, "Ada", changes=2)
    await number()
    await drain(sinks)
    path = kernel.config.folder / "events" / "events.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    names = [x["payload"]["after"]["last_name"] for x in lines if x["entity"] == "core.contact"]
    assert names == ["Ada 0", "Ada 1", "Ada 2"]
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"position": 9999, "half')
    await contact(kernel, "Next")
    await number()
    await drain(sinks)
    assert path.read_bytes().startswith(whole)
    assert [json.loads(line)["payload"]["after"]["last_name"] for line in path.read_text().splitlines()][-1] == "Next 0"
    path.write_bytes(b"x" * 200_000)  # no end of a line at all
    jsonl.append(path, b"{}\n")
    assert path.read_bytes() == b"{}\n"


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "x\n", "/etc/passwd"])
@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_file_name_cannot_leave_the_folder(as_user: People, name: str) -> None:
    admin = await as_user("admin")
    refused = await admin.api.send("PATCH", "/settings/core.event_file", 422, json={"file": name})
    assert "file" in str(refused)


async def test_long_texts_leave_whole(kernel: Kernel, number: Number, outside: dict[str, Outside]) -> None:
    sinks = await ready(kernel, number)
    from crm_core.entity import records

    async with kernel.write(system("test")) as uow:
        await records.create(
            uow, kernel.registry.entity("core.contact"), {"last_name": "Long", "description": "x" * 9000}, trusted=True
        )
    await number()
    await drain(sinks)
    assert len(outside["one"].taken[-1].payload["after"]["description"]) == 9000


async def test_numbers_are_not_given_again_when_all_events_are_old_enough_to_be_deleted(
    kernel: Kernel, contact: Make, number: Number
) -> None:
    from crm_core.features.operations.metrics import exposition
    from crm_core.features.operations.retention import KINDS

    [kind] = [k for k in KINDS if k.name == "core.events"]
    await ready(kernel, number)
    await contact(kernel, "Ada", changes=3)
    await number()
    async with kernel.read(system("test")) as uow:
        assert b'crm_sink_lag{sink="two.one"} 4.0' in await exposition(uow)
        before = await uow.session.scalar(NEWEST)
    async with kernel.write(system("test")) as uow:
        await kind.delete(uow, utcnow() + timedelta(days=1), 1000)
    await contact(kernel, "Bea")
    await number()
    async with kernel.read(system("test")) as uow:
        assert await uow.session.scalar(NEWEST) > (before or 0)
