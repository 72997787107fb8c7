"""Somebody hears of one event once, in the way they chose, and only of what they may read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import Actor, system
from crm_core.auth.people import User
from crm_core.auth.rights import load_actor
from crm_core.features.mail.models import MailRow
from crm_core.features.notifications.actions import KindUnknown
from crm_core.features.notifications.jobs import last_hour
from crm_core.features.notifications.models import Notification
from crm_core.features.notifications.public import notify
from crm_core.features.notifications.retention import READ
from crm_core.features.notifications.schemas import SendDigests
from crm_core.i18n import Strings
from crm_core.kernel import Kernel
from crm_core.plugin import Ref
from crm_core.testing.people import People, Somebody

_ = Strings("crm_core")
Jobs = Callable[..., Awaitable[Any]]


async def company_of(someone: Somebody, **values: Any) -> Ref:
    made = await someone.api.post("/companies", {"name": "Hall for rent", **values})
    return Ref("core.company", UUID(made["id"]))


async def tell(
    kernel: Kernel, users: list[UUID], kind: str, about: Ref | None, actor: Actor | None = None, **kw: Any
) -> None:
    async with kernel.write(actor or system("test")) as uow:
        await notify(uow, users, kind, about, _("Assigned to you"), **kw)


async def heard(someone: Somebody, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await someone.api.get("/notifications", params=params))["items"]
    return found


async def mails(kernel: Kernel, to: str) -> list[MailRow]:
    async with kernel.read(system("test")) as uow:
        return list(await uow.session.scalars(sa.select(MailRow).where(MailRow.recipient == to).order_by(MailRow.id)))


async def choose(someone: Somebody, hour: int = 8, **channels: str) -> None:
    names = {f"core.{k}": v for k, v in channels.items()}
    await someone.api.send("PUT", "/settings/core.notifications", 200, json={"channels": names, "digest_hour": hour})


async def test_several_reasons_for_one_event_are_one_notification_of_the_strongest_kind(
    kernel: Kernel, as_user: People, jobs: Jobs
) -> None:
    rep = await as_user("sales")
    company = await company_of(rep)
    async with kernel.write(system("test")) as uow:
        for kind in ("core.comment", "core.mention", "core.change", "core.assigned"):
            await notify(uow, [rep.id, rep.id], kind, company, _("Assigned to you"))
    assert await heard(rep) == []
    await jobs()
    found = await heard(rep)
    assert [n["kind"] for n in found] == ["core.mention"]
    assert found[0]["about"] == str(company)
    assert found[0]["title"] == "Hall for rent"
    assert len(await mails(kernel, rep.email)) == 1


async def test_own_actions_are_quiet_unless_asked_for(kernel: Kernel, as_user: People, jobs: Jobs) -> None:
    rep = await as_user("sales")
    company = await company_of(rep)
    me = await load_actor(kernel, rep.id)
    await tell(kernel, [rep.id], "core.assigned", company, me)
    await jobs()
    assert await heard(rep) == []
    await tell(kernel, [rep.id], "core.reminder", company, me, own=True)
    await jobs()
    assert len(await heard(rep)) == 1


async def test_whoever_lost_the_right_before_delivery_hears_nothing(
    kernel: Kernel, as_user: People, jobs: Jobs
) -> None:
    rep, other = await as_user("sales"), await as_user("sales", "other")
    company = await company_of(rep)
    await tell(kernel, [rep.id, other.id], "core.mention", company, note="a secret price")
    await jobs()
    assert (len(await heard(rep)), len(await heard(other))) == (1, 0)
    assert await mails(kernel, other.email) == []
    async with kernel.read(system("test")) as uow:
        assert await uow.session.scalar(sa.select(sa.func.count()).select_from(Notification)) == 1


async def test_title_and_excerpt_vanish_when_the_right_is_lost_later(
    kernel: Kernel, as_user: People, jobs: Jobs
) -> None:
    admin, rep = await as_user("admin"), await as_user("sales")
    company = await company_of(rep)
    await tell(kernel, [rep.id], "core.comment", company, note="a secret price")
    await jobs()
    assert (await heard(rep))[0]["note"] == "a secret price"
    await admin.api.patch(f"/companies/{company.id}", {"owner_id": str(admin.id)})
    (lost,) = await heard(rep, kind="core.comment")
    assert (lost["note"], lost["title"], lost["about"], lost["href"]) == ("", "", None, "")
    assert "secret" not in (await rep.client.get("/notifications")).text


async def test_switched_off_people_and_unknown_ids_do_no_harm(kernel: Kernel, as_user: People, jobs: Jobs) -> None:
    rep = await as_user("sales")
    company = await company_of(rep)
    async with kernel.write(system("test")) as uow:
        await uow.session.execute(sa.update(User).where(User.id == rep.id).values(is_active=False))
    await tell(kernel, [rep.id, UUID(int=5)], "core.mention", company)
    await jobs()
    async with kernel.read(system("test")) as uow:
        assert await uow.session.scalar(sa.select(sa.func.count()).select_from(Notification)) == 0


async def test_kind_that_nobody_declares_is_a_fault(kernel: Kernel, as_user: People) -> None:
    rep = await as_user("sales")
    with pytest.raises(KindUnknown):
        await tell(kernel, [rep.id], "core.nonsense", None)


async def test_channel_decides_between_app_mail_digest_and_nothing(kernel: Kernel, as_user: People, jobs: Jobs) -> None:
    rep = await as_user("sales")
    await choose(rep, mention="app", assigned="mail", comment="digest", change="off")
    for kind in ("mention", "assigned", "comment", "change"):
        await tell(kernel, [rep.id], f"core.{kind}", await company_of(rep, name=kind))
    await jobs()
    assert {n["kind"] for n in await heard(rep)} == {"core.mention", "core.assigned", "core.comment"}
    (mail,) = await mails(kernel, rep.email)
    assert "assigned" in mail.text
    assert f"{kernel.config.url}/companies/" in mail.text


async def test_mail_and_mark_are_one_so_a_repeated_job_sends_nothing_twice(
    kernel: Kernel, as_user: People, jobs: Jobs
) -> None:
    from crm_core.features.notifications.schemas import DeliverNotifications

    rep = await as_user("sales")
    await tell(kernel, [rep.id], "core.mention", await company_of(rep))
    await jobs()
    async with kernel.write(system("test")) as uow:
        cause = await uow.session.scalar(sa.select(Notification.cause))
        assert cause is not None
        for _time in range(3):
            await uow.enqueue(DeliverNotifications(cause=cause))
    await jobs()
    assert len(await mails(kernel, rep.email)) == 1


async def test_many_at_once_become_one_that_counts(kernel: Kernel, as_user: People, jobs: Jobs) -> None:
    rep = await as_user("sales")
    companies = [await company_of(rep, name=f"Deal {n}") for n in range(15)]
    async with kernel.write(system("test")) as uow:
        for company in companies:
            await notify(uow, [rep.id], "core.assigned", company, _("Assigned to you"))
    await jobs()
    (one,) = await heard(rep)
    assert "15" in one["text"]


async def test_marking_reads_counts_and_pages(kernel: Kernel, as_user: People, jobs: Jobs) -> None:
    rep, other = await as_user("sales"), await as_user("sales", "other")
    for number in range(5):
        await tell(kernel, [rep.id], "core.comment", await company_of(rep, name=f"Deal {number}"))
    await jobs()
    first = await rep.api.get("/notifications", params={"limit": 2})
    second = await rep.api.get("/notifications", params={"limit": 10, "before": first["before"]})
    assert [len(first["items"]), len(second["items"]), second["before"]] == [2, 3, None]
    one = first["items"][0]["id"]
    await other.api.post(f"/notifications/{one}/read", status=404)
    assert (await rep.api.post(f"/notifications/{one}/read", status=200))["read_at"]
    assert (await rep.api.get("/notifications"))["unread"] == 4
    assert len(await heard(rep, unread=True)) == 4
    await rep.api.post(f"/notifications/{one}/unread", status=200)
    assert "5 unread" in (await rep.client.get("/notifications/bell")).text
    assert (await rep.api.post("/notifications/read-all", status=200)) == {"unread": 0}
    assert await heard(rep, unread=True) == []


async def test_page_opens_a_notification_by_a_form_and_marks_it_read(
    kernel: Kernel, as_user: People, jobs: Jobs
) -> None:
    rep = await as_user("sales")
    company = await company_of(rep)
    await tell(kernel, [rep.id], "core.comment", company, note="Please call <b>today</b>")
    await jobs()
    (one,) = await heard(rep)
    shown = (await rep.client.get("/notifications")).text
    assert "Please call &lt;b&gt;today&lt;/b&gt;" in shown
    assert 'data-live="me"' in shown
    answer = await rep.client.post(f"/notifications/{one['id']}/open")
    assert answer.headers["location"] == f"/companies/{company.id}"
    assert await heard(rep, unread=True) == []


async def test_preferences_page_saves_channels_and_hour(as_user: People) -> None:
    rep = await as_user("sales")
    assert 'name="core.mention"' in (await rep.client.get("/account/notifications")).text
    await rep.client.post("/account/notifications", data={"core.mention": "off", "digest_hour": "17"})
    values = await rep.api.get("/settings/core.notifications")
    assert values["values"]["digest_hour"] == 17 if "values" in values else values["digest_hour"] == 17
    assert (await rep.client.post("/account/notifications", data={"digest_hour": "99"})).status_code == 422


async def test_open_pages_hear_of_it_without_data(kernel: Kernel, as_user: People, jobs: Jobs) -> None:
    import asyncio

    rep = await as_user("sales")
    company = await company_of(rep)
    listening = kernel.live.listen(frozenset({f"user/{rep.id}"}))
    task = asyncio.create_task(anext(listening))  # type: ignore[arg-type]  # an async generator's step
    await asyncio.sleep(0)
    await tell(kernel, [rep.id], "core.comment", company)
    await jobs()
    message = await asyncio.wait_for(task, 2)
    assert message.id == "notifications"
    await listening.aclose()


async def test_read_notifications_are_kept_for_a_time(kernel: Kernel, as_user: People, jobs: Jobs) -> None:
    rep = await as_user("sales")
    for number in range(2):
        await tell(kernel, [rep.id], "core.comment", await company_of(rep, name=str(number)))
    await jobs()
    await rep.api.post(f"/notifications/{(await heard(rep))[0]['id']}/read", status=200)
    async with kernel.write(system("test")) as uow:
        later = uow.now + timedelta(days=1)
        assert (await READ.count(uow, uow.now - timedelta(days=1)), await READ.count(uow, later)) == (0, 1)
        assert await READ.delete(uow, later, 10) == 1
    assert len(await heard(rep)) == 1


async def aged(kernel: Kernel, hours: float) -> None:
    async with kernel.write(system("test")) as uow:
        for row in await uow.session.scalars(sa.select(Notification)):
            assert row.delivered_at is not None
            row.delivered_at -= timedelta(hours=hours)


async def test_digest_has_what_is_unread_once_and_nothing_when_there_is_nothing(
    kernel: Kernel, as_user: People, jobs: Jobs
) -> None:
    rep = await as_user("sales")
    await choose(rep, comment="digest")
    for name in ("Unread one", "Unread two", "Read one"):
        await tell(kernel, [rep.id], "core.comment", await company_of(rep, name=name))
    await jobs()
    read = next(n for n in await heard(rep) if n["title"] == "Read one")
    await rep.api.post(f"/notifications/{read['id']}/read", status=200)
    await aged(kernel, 25)
    for _time in range(3):
        async with kernel.write(system("test")) as uow:
            await uow.enqueue(SendDigests())
        await jobs()
    (mail,) = await mails(kernel, rep.email)
    assert "2" in mail.subject
    assert "Unread one" in mail.text
    assert "Read one" not in mail.text


async def test_digest_leaves_out_what_may_not_be_read_any_more(kernel: Kernel, as_user: People, jobs: Jobs) -> None:
    admin, rep = await as_user("admin"), await as_user("sales")
    await choose(rep, comment="digest", assigned="off")
    company = await company_of(rep, name="Taken away")
    await tell(kernel, [rep.id], "core.comment", company, note="a secret price")
    await jobs()
    await aged(kernel, 25)
    await admin.api.patch(f"/companies/{company.id}", {"owner_id": str(admin.id)})
    async with kernel.write(system("test")) as uow:
        await uow.enqueue(SendDigests())
    await jobs()
    assert await mails(kernel, rep.email) == []


@pytest.mark.parametrize(
    ("now", "hour", "zone", "expected"),
    [
        ("2026-03-29T06:30", 8, "Europe/Berlin", "2026-03-29T06:00"),  # the day of the change: 8:00 is 6:00 UTC
        ("2026-03-29T05:30", 8, "Europe/Berlin", "2026-03-28T07:00"),
        ("2026-03-29T02:00", 2, "Europe/Berlin", "2026-03-29T01:00"),  # 2:00 is skipped
        ("2026-10-25T12:00", 2, "Europe/Berlin", "2026-10-25T00:00"),  # 2:00 comes twice, the first counts
        ("2026-06-01T02:10", 8, "Asia/Kathmandu", "2026-05-31T02:15"),
        ("2026-06-01T02:15", 8, "Asia/Kathmandu", "2026-06-01T02:15"),
    ],
)
def test_digest_hour_is_that_of_the_users_clock(now: str, hour: int, zone: str, expected: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert last_hour(at, hour, zone) == datetime.fromisoformat(expected).replace(tzinfo=UTC)
