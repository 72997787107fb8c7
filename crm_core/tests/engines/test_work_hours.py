"""The editor of weekly hours, and calendar files that are read from a server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from crm_core.auth.actor import system
from crm_core.config import Config
from crm_core.features.worktime.public import is_working
from crm_core.features.worktime.schemas import FetchFeeds
from crm_core.kernel import Kernel
from crm_core.testing.people import People

SYSTEM = system("test")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ENTRY = "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:{day}\r\nSUMMARY:{name}\r\nEND:VEVENT\r\n"


@dataclass
class Feed:
    """A server on this machine with one file."""

    port: int = 0
    status: str = "200 OK"
    body: bytes = b""
    asked: list[str] = field(default_factory=list)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.split(b" ")[1].decode())
        writer.write(
            f"HTTP/1.1 {self.status}\r\nContent-Length: {len(self.body)}\r\nConnection: close\r\n\r\n".encode()
        )
        writer.write(self.body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Feed]:
    made = Feed()
    running = await asyncio.start_server(made.handle, "127.0.0.1", 0)
    made.port = running.sockets[0].getsockname()[1]
    yield made
    running.close()


@pytest.fixture
def config(base_config: Config, database_url: str) -> Config:
    """An installation that may reach this machine."""
    return base_config.but(database_url=database_url, outbound_allow=("127.0.0.1/32",), api_limit=0)


def ics(**days: str) -> bytes:
    entries = "".join(ENTRY.format(day=k.removeprefix("d"), name=v) for k, v in days.items())
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{entries}END:VCALENDAR\r\n".encode()


def posted(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {"version": re.findall(r'name="version" value="(\d+)"', text)[0]}
    for day in DAYS:
        for side in ("from", "to"):
            found[f"{day}-{side}"] = re.findall(rf'name="{day}-{side}" value="([^"]*)"', text)
        if re.search(rf'name="{day}-closed" value="1" checked', text):
            found[f"{day}-closed"] = "1"
    return found


async def test_hours_are_edited_added_removed_and_copied_without_scripts(as_user: People) -> None:
    boss, seller = await as_user("admin", "boss"), await as_user("sales", "seller")
    made = await boss.api.post("/work-calendars", {"name": "Office", "zone": "UTC", "monday": "9-12, 22-6, 18-24"})
    path = f"/work-calendars/{made['id']}/hours"
    assert (await seller.client.get(path)).status_code in (403, 404)
    page = (await boss.client.get(path)).text
    assert posted(page)["monday-from"] == ["09:00", "18:00"], "slots that overlap are one"
    assert posted(page)["tuesday-closed"] == "1"

    async def press(do: str, page: str, **more: Any) -> str:
        answer = await boss.client.post(path, data={**posted(page), **more, "do": do})
        assert answer.status_code == 200, answer.text
        return answer.text

    page = await press("remove:monday:1", page)
    page = await press("add:monday", page)
    assert (posted(page)["monday-from"], posted(page)["monday-to"]) == (["09:00", ""], ["12:00", ""])
    page = await press("copy:workdays", page, **{"monday-from": ["09:00", "13:00"], "monday-to": ["12:00", "17:30"]})
    assert posted(page)["friday-to"] == ["12:00", "17:30"]
    assert posted(page)["saturday-closed"] == "1"
    assert "37:30 hours a week" in page
    page = await press("add:sunday", page)
    assert (posted(page)["sunday-from"], "sunday-closed" in posted(page)) == (["09:00"], False)
    assert (await boss.api.get(f"/work-calendars/{made['id']}"))["friday"] == "", "nothing is stored before Save"
    assert posted(await press("copy:all", page))["sunday-to"] == ["12:00", "17:30"]
    for odd in ("remove:monday:9", "remove:x:0", "add", "copy", "fly:monday"):
        await press(odd, page)
    saved = await boss.client.post(
        path, data={**posted(page), "friday-closed": "1", "sunday-to": ["00:00"], "do": "save"}
    )
    assert saved.status_code in (302, 303), saved.text
    found = await boss.api.get(f"/work-calendars/{made['id']}")
    assert [found[d] for d in DAYS] == [*["09:00-12:00, 13:00-17:30"] * 4, "", "", "09:00-24:00"]


async def test_hours_that_cannot_be_read_come_back_at_their_day_and_an_old_page_is_refused(as_user: People) -> None:
    boss = await as_user("admin", "boss")
    made = await boss.api.post("/work-calendars", {"name": "Office", "zone": "UTC", "monday": "9-17"})
    path = f"/work-calendars/{made['id']}/hours"
    page = posted((await boss.client.get(path)).text)
    half = await boss.client.post(path, data={**page, "monday-to": [""], "do": "save"})
    assert half.status_code == 422
    assert "Each line needs a time from and a time to." in half.text
    assert 'id="e-monday"' in half.text
    await boss.api.patch(f"/work-calendars/{made['id']}", {"monday": "10-11"})
    late = await boss.client.post(path, data={**page, "monday-to": ["18:00"], "do": "save"})
    assert late.status_code == 409
    assert (await boss.api.get(f"/work-calendars/{made['id']}"))["monday"] == "10:00-11:00"


async def test_panel_says_that_a_calendar_has_no_hours_and_shows_its_next_exceptions(as_user: People) -> None:
    boss = await as_user("admin", "boss")
    made = await boss.api.post("/work-calendars", {"name": "Empty", "zone": "UTC"})
    panel = (await boss.client.get(f"/work-calendars/{made['id']}/days-off")).text
    assert "This calendar has no hours" in panel
    body = {**dict.fromkeys(DAYS, "9-17"), "country": "DE", "subdivision": "BY"}
    await boss.api.patch(f"/work-calendars/{made['id']}", body)
    panel = (await boss.client.get(f"/work-calendars/{made['id']}/days-off")).text
    assert "56:00 hours a week" in panel
    assert "day off" in panel


async def test_calendar_file_is_read_by_a_job_and_read_again(
    kernel: Kernel, as_user: People, jobs: Any, server: Feed
) -> None:
    boss = await as_user("admin", "boss")
    year = datetime.now(UTC).year + 1
    server.body = ics(**{f"d{year}0302": "Inventory"})
    body = {**dict.fromkeys(DAYS, "9-17"), "feed_url": f"http://127.0.0.1:{server.port}/days.ics"}
    made = await boss.api.post("/work-calendars", {"name": "Fed", "zone": "UTC", **body})
    key = UUID(made["id"])

    async def works(month: int, day: int) -> bool:
        async with kernel.read(SYSTEM) as uow:
            return await is_working(uow, datetime(year, month, day, 12, tzinfo=UTC), calendar_id=key)

    async def again() -> dict[str, Any]:
        async with kernel.write(SYSTEM) as uow:
            await uow.enqueue(FetchFeeds())
        await jobs()
        return await boss.api.get(f"/work-calendars/{key}")  # type: ignore[no-any-return]

    await jobs()
    assert (await works(3, 2), await works(4, 7)) == (False, True)
    server.body = ics(**{f"d{year}0407": "Move"})
    found = await again()
    assert (await works(3, 2), await works(4, 7)) == (True, False)
    assert (found["feed_problem"], bool(found["feed_at"])) == ("", True)
    for status, content, words in (
        ("200 OK", b"<html>Please sign in</html>", "The file is no calendar."),
        ("200 OK", b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:nonsense", "The file is no calendar."),
        ("404 Not Found", b"", "This address cannot be reached."),
        ("200 OK", b"x" * (2 * 2**20 + 1), "The file is too large."),
    ):
        server.status, server.body = status, content
        assert (await again())["feed_problem"] == words
        assert not await works(4, 7), "the days stay as they were"
    assert set(server.asked) == {"/days.ics"}
    server.status, server.body = "200 OK", ics(**{f"d{year}0407": "Move"})
    assert (await again())["feed_problem"] == ""


async def test_calendar_file_may_be_taken_away(kernel: Kernel, as_user: People, jobs: Any, server: Feed) -> None:
    boss = await as_user("admin", "boss")
    year = datetime.now(UTC).year + 1
    server.body = ics(**{f"d{year}0302": "Inventory"})
    body = {**dict.fromkeys(DAYS, "9-17"), "feed_url": f"http://127.0.0.1:{server.port}/days.ics"}
    made = await boss.api.post("/work-calendars", {"name": "Fed", "zone": "UTC", **body})
    await jobs()
    await boss.api.patch(f"/work-calendars/{made['id']}", {"feed_url": None})
    async with kernel.read(SYSTEM) as uow:
        assert await is_working(uow, datetime(year, 3, 2, 12, tzinfo=UTC), calendar_id=UUID(made["id"]))


async def test_calendar_in_use_is_not_deleted_and_one_without_users_is(as_user: People) -> None:
    boss, ann = await as_user("admin", "boss"), await as_user("sales", "ann")
    made = await boss.api.post("/work-calendars", {"name": "Ann's", "zone": "UTC", "uses": [{"user_id": str(ann.id)}]})
    problem = await boss.api.delete(f"/work-calendars/{made['id']}", status=409)
    assert "Ann's is in use" in str(problem)
    standard = next(x for x in (await boss.api.get("/work-calendars"))["items"] if x["is_default"])
    await boss.api.delete(f"/work-calendars/{standard['id']}", status=409)
    await boss.api.patch(f"/work-calendars/{made['id']}", {"uses": []})
    await boss.api.delete(f"/work-calendars/{made['id']}")


async def test_deputies_in_a_circle_are_refused_while_both_are_away(as_user: People) -> None:
    boss, ann, bob, cat = [await as_user("admin" if n == "boss" else "sales", n) for n in ("boss", "ann", "bob", "cat")]

    def absence(who: Any, deputy: Any, first: int, last: int) -> dict[str, Any]:
        return {
            "note": "x", "owner_id": str(who.id), "deputy_id": str(deputy.id) if deputy else None,
            "starts_at": f"2027-03-{first:02}T08:00:00Z", "ends_at": f"2027-03-{last:02}T16:00:00Z",
        }  # fmt: skip

    await boss.api.post("/absences", absence(ann, bob, 1, 5))
    problem = await boss.api.post("/absences", absence(bob, ann, 4, 8), status=422)
    assert "deputy_id" in str(problem)
    assert "Ann is away too" in str(problem)
    await boss.api.post("/absences", absence(bob, ann, 6, 8))
    await boss.api.post("/absences", absence(bob, cat, 2, 3))
    await boss.api.post("/absences", absence(cat, ann, 3, 4), status=422)
    kept = await boss.api.post("/absences", absence(cat, None, 3, 4))
    assert kept["deputy_id"] is None
    assert len((await boss.api.get("/absences"))["items"]) == 4
