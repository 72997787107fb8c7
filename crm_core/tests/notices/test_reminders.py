"""One reminder per person, item and time, exactly once: from activities, modules and people themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.people import User
from crm_core.db.types import utcnow
from crm_core.features.activities.models import Activity
from crm_core.features.notifications.models import Notification
from crm_core.features.reminders.activities import at_of
from crm_core.features.reminders.models import Reminder
from crm_core.features.reminders.public import cancel, move, remind, set_reminders
from crm_core.features.reminders.retention import TOLD
from crm_core.features.reminders.schemas import RemindDue
from crm_core.features.reminders.settings import ReminderSettings
from crm_core.kernel import Kernel
from crm_core.plugin import Ref
from crm_core.testing.people import People, Somebody

Jobs = Callable[..., Awaitable[Any]]
HOUR = timedelta(hours=1)


async def tick(kernel: Kernel, jobs: Jobs) -> None:
    async with kernel.write(system("test")) as uow:
        await uow.enqueue(RemindDue())
    await jobs()


async def pass_time(kernel: Kernel, by: timedelta) -> None:
    """Let time go on: everything that waits is so much nearer."""
    async with kernel.write(system("test")) as uow:
        for row in await uow.session.scalars(sa.select(Reminder).where(Reminder.done_at.is_(None))):
            row.at -= by
            row.due_at = row.due_at - by if row.due_at else None


async def waiting(kernel: Kernel) -> list[Reminder]:
    async with kernel.read(system("test")) as uow:
        wanted = sa.select(Reminder).where(Reminder.done_at.is_(None)).order_by(Reminder.at, Reminder.id)
        return list(await uow.session.scalars(wanted))


async def told(someone: Somebody) -> list[dict[str, Any]]:
    found = await someone.api.get("/notifications", params={"kind": "core.reminder"})
    return list(found["items"])


async def company(someone: Somebody) -> Ref:
    made = await someone.api.post("/companies", {"name": "Harbour Tools"})
    return Ref("core.company", UUID(made["id"]))


async def meeting(someone: Somebody, starts: datetime, **values: Any) -> dict[str, Any]:
    given = {"kind": "meeting", "subject": "Tour", "starts_at": starts.isoformat(), **values}
    found: dict[str, Any] = await someone.api.post("/activities", given)
    return found


async def test_whoever_takes_part_is_reminded_once_before_the_start(
    kernel: Kernel, as_user: People, jobs: Jobs
) -> None:
    rep, boss = await as_user("sales", "rep"), await as_user("admin", "boss")
    starts = utcnow() + 3 * HOUR
    made = await meeting(rep, starts, participants=[{"user_id": str(boss.id)}, {"user_id": str(rep.id)}])
    rows = await waiting(kernel)
    assert {r.user_id for r in rows} == {rep.id, boss.id}
    assert all(abs(r.at - (starts - timedelta(minutes=15))) < timedelta(seconds=1) for r in rows)
    await tick(kernel, jobs)
    assert await told(rep) == []
    await pass_time(kernel, timedelta(hours=2, minutes=46))
    for _time in range(3):
        await tick(kernel, jobs)
    for someone in (rep, boss):
        (one,) = await told(someone)
        assert one["about"] == f"core.activity:{made['id']}"
        assert one["late"] is False


async def test_reminder_moves_with_the_item_and_ends_with_it(kernel: Kernel, as_user: People) -> None:
    rep = await as_user("sales", "rep")
    starts = utcnow() + 3 * HOUR
    made = await meeting(rep, starts)
    path = f"/activities/{made['id']}"
    await rep.api.patch(path, {"starts_at": (starts + 24 * HOUR).isoformat()})
    (row,) = await waiting(kernel)
    assert abs(row.at - (starts + 24 * HOUR - timedelta(minutes=15))) < timedelta(seconds=1)
    await rep.api.post(f"{path}/complete", status=200)
    assert await waiting(kernel) == []
    await rep.api.post(f"{path}/reopen", status=200)
    assert len(await waiting(kernel)) == 1
    await rep.api.delete(path)
    assert await waiting(kernel) == []
    await rep.api.post(f"{path}/restore", status=200)
    assert len(await waiting(kernel)) == 1


async def test_nobody_is_reminded_of_what_is_done_deleted_or_out_of_reach(
    kernel: Kernel, as_user: People, jobs: Jobs
) -> None:
    admin, rep = await as_user("admin"), await as_user("sales", "rep")
    gone, lost, done = await company(rep), await company(rep), await meeting(rep, utcnow() + 9 * HOUR)
    over = Ref("core.activity", UUID(done["id"]))
    async with kernel.write(system("test")) as uow:
        for about in (gone, lost, over):
            await remind(uow, rep.id, about, uow.now + HOUR, "test.some")
    await rep.api.delete(f"/companies/{gone.id}")
    await admin.api.patch(f"/companies/{lost.id}", {"owner_id": str(admin.id)})
    async with kernel.write(system("test")) as uow:
        activity = await uow.session.get(Activity, over.id)
        assert activity is not None
        await uow.session.execute(sa.update(Activity).values(done_at=uow.now))  # behind the listeners' back
    await pass_time(kernel, 10 * HOUR)
    await tick(kernel, jobs)
    assert await told(rep) == []
    assert await waiting(kernel) == []


async def test_two_sources_for_one_instant_are_one_reminder(kernel: Kernel, as_user: People, jobs: Jobs) -> None:
    rep = await as_user("sales", "rep")
    about = await company(rep)
    at = utcnow() + HOUR
    async with kernel.write(system("test")) as uow:
        for source in ("core.activity", "calendar.event", "calendar.event"):
            await remind(uow, rep.id, about, at, source)
        await cancel(uow, about, "core.activity")
    assert len(await waiting(kernel)) == 1
    async with kernel.write(system("test")) as uow:
        await remind(uow, rep.id, about, at, "core.activity")
    await pass_time(kernel, 2 * HOUR)
    await tick(kernel, jobs)
    assert len(await told(rep)) == 1


async def test_same_instant_never_comes_again(kernel: Kernel, as_user: People, jobs: Jobs) -> None:
    rep = await as_user("sales", "rep")
    about, at = await company(rep), utcnow() + timedelta(seconds=0.3)
    for _time in range(2):
        async with kernel.write(system("test")) as uow:
            await set_reminders(uow, about, "test.some", {rep.id: at}, due_at=at + HOUR)
        await asyncio.sleep(0.4)
        await tick(kernel, jobs)
    assert len(await told(rep)) == 1


async def test_missed_reminders_come_once_and_say_that_they_are_late(
    kernel: Kernel, as_user: People, jobs: Jobs
) -> None:
    rep = await as_user("sales", "rep")
    async with kernel.write(system("test")) as uow:
        await remind(uow, rep.id, Ref("core.user", rep.id), uow.now + HOUR, "test.some")
    await pass_time(kernel, 30 * HOUR)
    await tick(kernel, jobs)
    await tick(kernel, jobs)
    (one,) = await told(rep)
    assert one["late"] is True


async def test_several_processes_tell_each_reminder_once(kernel: Kernel, as_user: People, jobs: Jobs) -> None:
    from crm_core.features.reminders import jobs as telling

    rep = await as_user("sales", "rep")
    abouts = [await company(rep) for _n in range(30)]
    async with kernel.write(system("test")) as uow:
        for about in abouts:
            await remind(uow, rep.id, about, uow.now + HOUR, "test.some")
    await pass_time(kernel, 2 * HOUR)

    class Context:
        """As much of a job as the function asks for."""

        def transaction(self) -> Any:
            return kernel.write(system("test"))

        async def finish(self, _uow: Any) -> None:
            return None

    await asyncio.gather(*(telling.remind_due(Context(), RemindDue()) for _n in range(4)))  # type: ignore[arg-type]
    await jobs()
    assert sorted(n["about"] for n in await told(rep)) == sorted(map(str, abouts))


async def test_reminders_in_the_past_are_not_made_unless_the_item_is_still_to_come(
    kernel: Kernel, as_user: People
) -> None:
    rep = await as_user("sales", "rep")
    about = await company(rep)
    async with kernel.write(system("test")) as uow:
        await remind(uow, rep.id, about, uow.now - HOUR, "test.past")
        await remind(uow, rep.id, about, uow.now - 2 * HOUR, "test.over", due_at=uow.now - HOUR)
        await remind(uow, rep.id, about, uow.now - timedelta(minutes=5), "test.soon", due_at=uow.now + HOUR)
        await remind(uow, UUID(int=3), about, uow.now + HOUR, "test.nobody")
        with pytest.raises(ValueError, match="time zone"):
            await remind(uow, rep.id, about, datetime(2030, 1, 1), "test.naive")  # noqa: DTZ001 - that is refused
    assert [r.source for r in await waiting(kernel)] == ["test.soon"]


async def test_module_moves_its_reminders(kernel: Kernel, as_user: People) -> None:
    rep = await as_user("sales", "rep")
    about = await company(rep)
    async with kernel.write(system("test")) as uow:
        await remind(uow, rep.id, about, uow.now + HOUR, "test.one", due_at=uow.now + 2 * HOUR)
        await remind(uow, rep.id, about, uow.now + HOUR, "test.two")
        await move(uow, about, "test.one", 3 * HOUR)
    two, one = await waiting(kernel)
    assert (two.source, one.source) == ("test.two", "test.one")
    assert one.at - two.at == 3 * HOUR
    assert one.due_at == one.at + HOUR


BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


@pytest.mark.parametrize(
    ("day", "hour", "zone", "expected"),
    [
        (date(2026, 3, 28), 8, BERLIN, "2026-03-28T07:00"),
        (date(2026, 3, 29), 8, BERLIN, "2026-03-29T06:00"),  # the clock went forward in the night
        (date(2026, 3, 29), 2, BERLIN, "2026-03-29T01:00"),  # 2:00 does not exist: right after the gap
        (date(2026, 10, 25), 2, BERLIN, "2026-10-25T00:00"),  # 2:00 comes twice: the first
        (date(2026, 10, 25), 8, BERLIN, "2026-10-25T07:00"),
        (date(2026, 11, 1), 8, NEW_YORK, "2026-11-01T13:00"),
        (date(2026, 6, 1), 8, "Pacific/Kiritimati", "2026-05-31T18:00"),
    ],
)
def test_whole_days_remind_in_the_readers_morning(day: date, hour: int, zone: str, expected: str) -> None:
    activity = Activity(kind="task", subject="Fair", starts_on=day, all_day=True, zone="Asia/Tokyo")
    times = at_of(activity, ReminderSettings(morning_hour=hour), zone)
    assert times is not None
    assert times[0] == datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert times[1] > times[0]


def test_timed_activity_reminds_so_many_minutes_of_real_time_before_across_a_change_of_the_clock() -> None:
    starts = datetime(2026, 3, 29, 1, 10, tzinfo=UTC)  # 3:10 in Berlin, ten minutes after the gap
    activity = Activity(kind="call", subject="Call", starts_at=starts, zone=BERLIN)
    times = at_of(activity, ReminderSettings(minutes_before=30), BERLIN)
    assert times == (starts - timedelta(minutes=30), starts)
    assert at_of(activity, ReminderSettings(is_on=False), BERLIN) is None
    activity.done_at = starts
    assert at_of(activity, ReminderSettings(), BERLIN) is None
    assert at_of(Activity(kind="note", subject="x", due_at=starts), ReminderSettings(), BERLIN) is None


async def test_changed_wishes_and_zone_move_the_reminders_to_come(kernel: Kernel, as_user: People, jobs: Jobs) -> None:
    admin, rep = await as_user("admin"), await as_user("sales", "rep")
    starts = utcnow() + 30 * HOUR
    await meeting(rep, starts)
    day = (utcnow() + timedelta(days=9)).date()
    await rep.api.post(
        "/activities", {"kind": "task", "subject": "Fair", "starts_on": day.isoformat(), "all_day": True}
    )
    await rep.api.send("PUT", "/settings/core.reminders", 200, json={"minutes_before": 60, "morning_hour": 10})
    await jobs()
    timed, whole = await waiting(kernel)
    assert abs(timed.at - (starts - HOUR)) < timedelta(seconds=1)
    assert whole.at == datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
    await admin.api.patch(f"/users/{rep.id}", {"zone": "Asia/Tokyo"})
    await jobs()
    timed, whole = await waiting(kernel)
    assert whole.at == datetime(day.year, day.month, day.day, 1, tzinfo=UTC)
    await rep.api.send("PUT", "/settings/core.reminders", 200, json={"is_on": False})
    await jobs()
    assert await waiting(kernel) == []


async def test_people_set_list_remove_and_snooze_their_own(kernel: Kernel, as_user: People, jobs: Jobs) -> None:
    rep, other = await as_user("sales", "rep"), await as_user("sales", "other")
    about = await company(rep)
    at = (utcnow() + HOUR).isoformat()
    body = {"about": str(about), "at": at, "note": "Ask for the price"}
    (made,) = (await rep.api.post("/reminders", body))["items"]
    assert (made["title"], made["note"], made["source"]) == ("Harbour Tools", "Ask for the price", "core.own")
    await other.api.post("/reminders", body, status=404)
    await other.api.delete(f"/reminders/{made['id']}", status=404)
    past = {"about": str(about), "at": (utcnow() - HOUR).isoformat()}
    await rep.api.post("/reminders", past, status=422)
    await pass_time(kernel, 2 * HOUR)
    await tick(kernel, jobs)
    (one,) = await told(rep)
    assert one["note"] == "Ask for the price"
    await other.api.post(f"/reminders/snooze/{one['id']}", {"minutes": 5}, status=404)
    await rep.api.post(f"/reminders/snooze/{one['id']}", {"minutes": 5}, status=200)
    (again,) = (await rep.api.get("/reminders"))["items"]
    assert timedelta(minutes=4) < datetime.fromisoformat(again["at"]) - utcnow() < timedelta(minutes=6)
    await rep.api.delete(f"/reminders/{again['id']}")
    assert (await rep.api.get("/reminders"))["items"] == []


async def test_pages_set_and_snooze_without_scripts(kernel: Kernel, as_user: People, jobs: Jobs) -> None:
    rep = await as_user("sales", "rep")
    about = await company(rep)
    async with kernel.write(system("test")) as uow:
        await uow.session.execute(sa.update(User).where(User.id == rep.id).values(zone="Asia/Tokyo"))
        await uow.raise_epoch("people")
    assert 'name="at"' in (await rep.client.get(f"/reminders/on?of={about}")).text
    day = (utcnow() + timedelta(days=2)).date()
    await rep.client.post("/reminders", data={"of": str(about), "at": f"{day}T09:00", "note": "Fair"})
    (row,) = await waiting(kernel)
    assert row.at == datetime(day.year, day.month, day.day, 0, tzinfo=UTC)
    assert "Fair" in (await rep.client.get("/reminders")).text
    await pass_time(kernel, timedelta(days=3))
    await tick(kernel, jobs)
    assert "/reminders/snooze/" in (await rep.client.get("/notifications")).text
    (one,) = await told(rep)
    await rep.client.post(f"/reminders/snooze/{one['id']}", data={"minutes": "60"})
    (row,) = await waiting(kernel)
    await rep.client.post(f"/reminders/{row.id}/remove")
    assert await waiting(kernel) == []
    assert (await rep.client.post("/reminders", data={"of": str(about), "at": "never"})).status_code == 422


async def test_told_reminders_are_kept_for_a_time(kernel: Kernel, as_user: People, jobs: Jobs) -> None:
    rep = await as_user("sales", "rep")
    about = await company(rep)
    async with kernel.write(system("test")) as uow:
        await remind(uow, rep.id, about, uow.now + HOUR, "test.some")
    await pass_time(kernel, 2 * HOUR)
    await tick(kernel, jobs)
    async with kernel.write(system("test")) as uow:
        assert await TOLD.delete(uow, uow.now - HOUR, 10) == 0
        assert await TOLD.delete(uow, uow.now + HOUR, 10) == 1
        assert await uow.session.scalar(sa.select(sa.func.count()).select_from(Notification)) == 1
