"""Working time: the arithmetic equals a count minute by minute; hours, holidays and deputies."""

from __future__ import annotations

import asyncio
import os
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from crm_core.auth.actor import system
from crm_core.features.worktime import feed, hours
from crm_core.features.worktime.calendar import Calendar, NoWorkingTime
from crm_core.features.worktime.models import Absence
from crm_core.features.worktime.public import add_working_time, deputy_of, is_working
from crm_core.kernel import Kernel
from crm_core.testing.people import People

CASES = 100_000 if os.environ.get("CRM_FAULTS") == "full" else 5_000
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Santiago", "UTC")
CHANGES = ((2026, 3, 29), (2026, 10, 25), (2026, 3, 8), (2026, 11, 1), (2026, 4, 5), (2026, 10, 4), (2026, 12, 31))
MINUTE = timedelta(minutes=1)


def a_calendar(rnd: random.Random) -> Calendar:
    def slots() -> str:
        cuts = [rnd.randrange(0, 1440) for _ in range(2 * rnd.randrange(0, 4))]
        return ", ".join(
            f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in zip(cuts[::2], cuts[1::2], strict=True)
        )

    other = {date(*rnd.choice(CHANGES)) + timedelta(days=rnd.randrange(-2, 3)): hours.parse(slots()) for _ in range(3)}
    off = {date(*rnd.choice(CHANGES)) + timedelta(days=rnd.randrange(-3, 4)): "off" for _ in range(2)}
    return Calendar(
        "Test", ZoneInfo(rnd.choice(ZONES)), tuple(hours.parse(slots()) for _ in range(7)), other, lambda _year: off
    )


def works(calendar: Calendar, at: datetime) -> bool:
    """Tell by the wall clock alone whether a minute is working time."""
    wall = at.astimezone(calendar.zone)
    minute, day = wall.hour * 60 + wall.minute, wall.date()
    before = calendar.slots(day - timedelta(days=1))
    return any(a <= minute < b for a, b in calendar.slots(day)) or any(a <= minute + 1440 < b for a, b in before)


@pytest.mark.counted
@pytest.mark.timeout(1800)
def test_arithmetic_equals_a_count_minute_by_minute() -> None:
    rnd = random.Random(20260329)
    done = 0
    while done < CASES:
        calendar = a_calendar(rnd)
        begin = datetime(*rnd.choice(CHANGES), tzinfo=UTC) - timedelta(minutes=rnd.randrange(0, 3000))
        minutes = [works(calendar, begin + MINUTE * n) for n in range(4320)]
        sums = [0]
        for one in minutes:
            sums.append(sums[-1] + one)
        for _ in range(50):
            a, b = sorted(rnd.randrange(0, 4320) for _ in range(2))
            start, end = begin + MINUTE * a, begin + MINUTE * b
            assert calendar.is_working(start) is minutes[a]
            assert calendar.between(start, end) == MINUTE * (sums[b] - sums[a])
            if (n := sums[b] - sums[a]) > 0:
                first = next(i for i in range(a, b + 1) if sums[i] - sums[a] == n)
                last = next(i for i in range(b, a - 1, -1) if sums[b] - sums[i] == n)
                assert calendar.add(start, MINUTE * n) == begin + MINUTE * first
                assert calendar.add(end, -MINUTE * n) == begin + MINUTE * last
            done += 1
    print(f"working time: N = {done} random cases of is_working, between and add: 0 differ from a count by the minute")


@pytest.mark.parametrize("back", [1, -1])
def test_calendar_without_hours_is_an_error_that_names_it(back: int) -> None:
    empty = Calendar("Nobody", ZoneInfo("UTC"), ((),) * 7)
    with pytest.raises(NoWorkingTime, match="Nobody"):
        empty.add(datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=back))
    assert empty.between(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)) == timedelta()


def test_hours_are_read_merged_and_refused() -> None:
    assert hours.written(hours.parse("9-12, 11:30-14; 22:00-6")) == "09:00-14:00, 22:00-06:00"
    for bad in ("nine", "25-26", "9:70-10", "24:00-25"):
        with pytest.raises(ValueError, match=bad):
            hours.parse(bad)


def test_feed_gives_all_day_entries_and_yearly_ones_again() -> None:
    body = (
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260105\r\nDTEND;VALUE=DATE:20260107\r\nSUMMARY:Closed"
        b"\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20200801\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:Fair\r\n"
        b"END:VEVENT\r\nBEGIN:VEVENT\r\nDTSTART:20260110T100000Z\r\nSUMMARY:Call\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    found = feed.read({"body": body, "first": "2026-01-01", "last": "2026-12-31"})
    assert found == [["2026-01-05", "Closed"], ["2026-01-06", "Closed"], ["2026-08-01", "Fair"]]


async def test_user_has_the_organisations_hours_until_given_others(kernel: Kernel, as_user: People, api: Any) -> None:
    ann = await as_user("sales", "ann")
    noon, night = datetime(2026, 7, 1, 12, tzinfo=UTC), datetime(2026, 7, 1, 23, tzinfo=UTC)
    async with kernel.write(system("test")) as uow:
        assert await is_working(uow, noon, user_id=ann.id)
    await api.post(
        "/work-calendars",
        json={"name": "Night", "zone": "UTC", "wednesday": "22-6", "uses": [{"user_id": str(ann.id)}]},
    )
    async with kernel.write(system("test")) as uow:
        assert await is_working(uow, night, user_id=ann.id)
        assert not await is_working(uow, noon, user_id=ann.id)


async def test_deputies_are_followed_past_those_away_and_not_in_circles(kernel: Kernel, as_user: People) -> None:
    ann, bob, cat = [(await as_user("sales", n)).id for n in ("ann", "bob", "cat")]
    at = datetime(2026, 7, 1, 12, tzinfo=UTC)

    async def away(who: Any, deputy: Any) -> None:
        async with kernel.write(system("test")) as uow:
            day = timedelta(days=1)
            uow.session.add(Absence(owner_id=who, deputy_id=deputy, starts_at=at - day, ends_at=at + day, note="x"))

    async def who() -> Any:
        async with kernel.write(system("test")) as uow:
            return await deputy_of(uow, ann, at)

    assert await who() is None
    await away(ann, bob)
    assert await who() == bob
    await away(bob, cat)
    assert await who() == cat
    await away(cat, ann)
    assert await who() is None


async def test_public_holidays_of_a_region_are_days_off_and_an_unknown_region_is_refused(
    kernel: Kernel, api: Any
) -> None:
    week = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), "9-17")
    made = await api.post(
        "/work-calendars", json={"name": "BY", "zone": "UTC", "country": "de", "subdivision": "by", **week}
    )
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)  # a Monday; the 6th is Epiphany in Bavaria, not in Berlin
    async with kernel.write(system("test")) as uow:
        there = await add_working_time(uow, noon, timedelta(hours=6), calendar_id=UUID(made["id"]))
        assert there == datetime(2026, 1, 7, 10, tzinfo=UTC)
    await api.patch(f"/work-calendars/{made['id']}", json={"subdivision": "BE"})
    async with kernel.write(system("test")) as uow:
        there = await add_working_time(uow, noon, timedelta(hours=6), calendar_id=UUID(made["id"]))
        assert there == datetime(2026, 1, 6, 10, tzinfo=UTC)
    problem = await api.patch(f"/work-calendars/{made['id']}", json={"subdivision": "QQ"}, status=422)
    assert "subdivision" in str(problem)


async def test_calendar_file_on_loopback_is_not_fetched_and_the_calendar_says_so(
    kernel: Kernel, api: Any, jobs: Any
) -> None:
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(100))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}/days.ics"
        made = await api.post("/work-calendars", json={"name": "Fed", "zone": "UTC", "feed_url": url})
        await jobs()
    found = await api.get(f"/work-calendars/{made['id']}")
    assert (found["feed_problem"], found["feed_at"], asked) == ("This address cannot be reached.", None, [])


async def test_calendar_file_is_read_on_demand_and_regions_are_offered_by_country(as_user: Any) -> None:
    boss = await as_user("admin")
    body = {"name": "North", "zone": "UTC", "monday": "09:00-17:00", "country": "GB", "subdivision": "SCT"}
    made = await boss.api.post("/work-calendars", body)
    path = f"/work-calendars/{made['id']}"
    page = (await boss.client.get(path)).text
    assert "Read calendar now" not in page  # it has no file
    edit = (await boss.client.get(f"{path}/edit")).text
    assert 'value="SCT" selected' in edit
    assert "Scotland (SCT)" in edit
    await boss.api.patch(path, {"feed_url": "https://calendar.example/days.ics"})
    assert "Read calendar now" in (await boss.client.get(path)).text
    await boss.api.post(f"{path}/read_feed", status=200)
