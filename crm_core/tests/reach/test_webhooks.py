"""Webhooks: signed events reach an address outside, once for sure and again when it failed, with the owner's rights."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import standardwebhooks
from crm_core.auth.actor import system
from crm_core.auth.people import Role, RoleField, RoleGrant
from crm_core.config import Config
from crm_core.db.types import new_id, utcnow
from crm_core.features.mail import public as mail
from crm_core.features.mail.models import MailRow
from crm_core.features.webhooks.models import Webhook, WebhookDelivery
from crm_core.jobs.runner import run_due
from crm_core.jobs.sinks import Sinks
from crm_core.kernel import Kernel
from crm_core.testing.people import People

Number = Callable[[], Awaitable[int]]
Make = Callable[..., Awaitable[Any]]
TEST = system("test")


@dataclass
class Receiver:
    """A server that takes messages, or answers as it is told."""

    port: int = 0
    status: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    extra: str = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.got.append((headers, body))
        status = self.status.pop(0) if self.status else 200
        writer.write(f"HTTP/1.1 {status} X\r\n{self.extra}content-length: 5\r\nconnection: close\r\n\r\nhello".encode())
        await writer.drain()
        writer.close()

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _headers, body in self.got]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    server = await asyncio.start_server(made.handle, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@pytest.fixture
def config(base_config: Config, database_url: str) -> Config:
    """An installation that may reach this machine."""
    return base_config.but(database_url=database_url, outbound_allow=("127.0.0.1/32",), api_limit=0)


@dataclass
class Pump:
    """Numbers events, feeds the sinks and runs the jobs that are due."""

    kernel: Kernel
    number: Number
    sinks: Sinks

    async def __call__(self, *, later: bool = False) -> None:
        await self.number()
        await self.sinks.look()
        while self.sinks.busy:
            await asyncio.gather(*self.sinks.busy.values())
            await asyncio.sleep(0)
        if later:
            await self.rested()
        await run_due(self.kernel, until=utcnow() + timedelta(seconds=2))

    async def rested(self) -> None:
        """Have every delivery tried again now."""
        async with self.kernel.db.write.begin() as connection:
            await connection.execute(sa.update(Webhook).values(retry_at=None))
            await connection.execute(sa.text("update core_job set run_at = created_at where state = 'pending'"))


@pytest.fixture
async def pump(kernel: Kernel, number: Number) -> Pump:
    made = Pump(kernel, number, Sinks(kernel))
    await number()
    await made.sinks.look()
    return made


async def grant(kernel: Kernel, role: str, *names: str, hidden: str = "") -> None:
    """Give a role rights, and bar one field of contacts from it."""
    async with kernel.write(TEST) as uow:
        role_id = (await uow.session.scalars(sa.select(Role.id).where(Role.key == role))).one()
        rows = [{"id": new_id(), "created_at": uow.now, "role_id": role_id, "name": n, "scope": "all"} for n in names]
        if rows:
            await uow.session.execute(sa.insert(RoleGrant.__table__).values(rows))
        await uow.session.execute(sa.delete(RoleField.__table__))
        if hidden:
            barred = {"role_id": role_id, "entity": "core.contact", "field": hidden, "level": "hidden"}
            await uow.session.execute(sa.insert(RoleField.__table__).values(id=new_id(), created_at=uow.now, **barred))
        await uow.raise_epoch("people")


async def rows(kernel: Kernel) -> list[WebhookDelivery]:
    async with kernel.db.session(readonly=True) as session:
        return list(await session.scalars(sa.select(WebhookDelivery).order_by(WebhookDelivery.id)))


async def hook(api: Any, receiver: Receiver, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = await api.post(
        "/webhooks", {"name": "Test", "url": receiver.url, "events": "core.contact.*", **more}
    )
    return made


async def secret_of(api: Any, webhook: dict[str, Any]) -> str:
    return str((await api.post(f"/webhooks/{webhook['id']}/secret", status=200))["secret"])


async def test_event_arrives_signed_as_an_independent_library_checks_it(
    kernel: Kernel, contact: Make, pump: Pump, receiver: Receiver, as_user: People
) -> None:
    api = (await as_user("admin")).api
    webhook = await hook(api, receiver)
    await contact(kernel, "Ada", changes=1)
    await pump()
    assert [b["type"] for b in receiver.bodies] == ["core.contact.created", "core.contact.updated"]
    secret = await secret_of(api, webhook)
    for headers, body in receiver.got:
        assert standardwebhooks.Webhook(secret).verify(body, headers)
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            standardwebhooks.Webhook(secret).verify(body + b" ", headers)
    event = receiver.bodies[0]
    assert event == await api.get(f"/admin/events/{event['id']}"), "the body is what the event API shows"
    assert receiver.got[0][0]["webhook-id"] == event["id"]
    log = (await api.get(f"/webhooks/{webhook['id']}/deliveries"))["items"]
    assert [(x["state"], x["status"], x["attempts"], x["response"]) for x in log] == [
        ("delivered", 200, 1, "hello")
    ] * 2


async def test_secret_is_sealed_and_in_no_answer_export_or_event(
    kernel: Kernel, receiver: Receiver, as_user: People
) -> None:
    api = (await as_user("admin")).api
    webhook = await hook(api, receiver)
    secret = await secret_of(api, webhook)
    async with kernel.db.session(readonly=True) as session:
        stored = (await session.scalars(sa.select(Webhook))).one()
        events = str((await session.execute(sa.text("select payload from core_event_data"))).all())
    assert stored.secret.startswith("v1.")
    for text in (str(await api.get("/webhooks")), str(await api.get(f"/webhooks/{webhook['id']}")), events):
        assert secret not in text
        assert stored.secret not in text


async def test_rotated_secret_signs_beside_the_old_one_for_a_day(
    kernel: Kernel, contact: Make, pump: Pump, receiver: Receiver, as_user: People
) -> None:
    api = (await as_user("admin")).api
    webhook = await hook(api, receiver)
    old = await secret_of(api, webhook)
    new = (await api.post(f"/webhooks/{webhook['id']}/rotate_secret", status=200))["secret"]
    assert new != old
    await contact(kernel, "Ada")
    await pump()
    headers, body = receiver.got[-1]
    for secret in (old, new):
        assert standardwebhooks.Webhook(secret).verify(body, headers)
    async with kernel.db.write.begin() as connection:
        await connection.execute(sa.update(Webhook).values(old_secret_until=utcnow() - timedelta(seconds=1)))
    await contact(kernel, "Bea")
    await pump()
    headers, body = receiver.got[-1]
    assert standardwebhooks.Webhook(new).verify(body, headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(old).verify(body, headers)


@pytest.mark.counted
async def test_owner_who_may_not_read_a_field_or_record_is_not_told(
    kernel: Kernel, pump: Pump, receiver: Receiver, as_user: People
) -> None:
    """T3: fields x roles; here each field of a contact is hidden in turn."""
    admin, owner = await as_user("admin"), await as_user("sales")
    await grant(kernel, "sales", "core.webhook.manage")
    await hook(owner.api, receiver)
    mine = await owner.api.post("/contacts", {"last_name": "Mine", "first_name": "Ada", "job_title": "Chief"})
    await admin.api.post("/contacts", {"last_name": "Theirs"})
    await pump()
    assert [b["payload"]["after"]["last_name"] for b in receiver.bodies] == ["Mine"]
    assert sorted(r.state for r in await rows(kernel)) == ["delivered", "skipped"]
    names = ("last_name", "first_name", "job_title", "description")
    for name in names:
        await grant(kernel, "sales", hidden=name)
        receiver.got.clear()
        await admin.api.patch(f"/contacts/{mine['id']}", {n: f"{n} after {name}"[:30] for n in names})
        await pump()
        [body] = receiver.bodies
        for side in ("before", "after"):  # "name" is a field of its own, made of first and last name
            assert set(body["payload"][side]) - {"name"} == set(names) - {name}
    print(f"T3 webhooks {kernel.db.dialect}: N = {len(names)} fields hidden in turn, 0 leaked")


async def test_only_its_owner_says_where_events_go(kernel: Kernel, receiver: Receiver, as_user: People) -> None:
    """T23: a hook is not planted on another's rights."""
    admin, lead = await as_user("admin"), await as_user("manager")
    webhook = await hook(admin.api, receiver)
    more = (f"core.webhook.{verb}" for verb in ("assign", "bulk_edit", "import"))
    await grant(kernel, "manager", "core.webhook.manage", *more)
    path = f"/webhooks/{webhook['id']}"
    await lead.api.patch(path, {"url": "https://evil.example/"}, status=403)
    await lead.api.patch(path, {"events": "*"}, status=403)
    await lead.api.patch(path, {"owner_id": str(lead.id)}, status=403)
    await lead.api.send("POST", f"{path}/secret", 403)
    await lead.api.send("POST", f"{path}/rotate_secret", 403)
    await lead.api.post(
        "/webhooks", {"name": "x", "url": receiver.url, "events": "*", "owner_id": webhook["owner_id"]}, status=403
    )
    own = await hook(lead.api, receiver, name="own")
    await lead.api.patch(f"/webhooks/{own['id']}", {"owner_id": webhook["owner_id"]}, status=403)
    many = {"ids": [webhook["id"]], "action": "update", "values": {"events": "*"}}
    assert (await lead.api.post("/webhooks/bulk", many, status=200))["results"][0]["status"] == 403
    async with kernel.db.session(readonly=True) as session:
        kept = await session.get(Webhook, UUID(webhook["id"]))
    assert kept is not None
    assert (kept.url, kept.events) == (receiver.url, "core.contact.*")


async def test_failed_delivery_is_tried_again_in_order_of_the_record_and_then_given_up(
    kernel: Kernel, contact: Make, pump: Pump, receiver: Receiver, as_user: People
) -> None:
    api = (await as_user("admin")).api
    await hook(api, receiver)
    receiver.status = [500]
    receiver.extra = "location: http://127.0.0.1:1/\r\n"
    await contact(kernel, "Ada", changes=2)
    await pump()
    assert len(receiver.got) == 1, "the record's later events wait for the first"
    await contact(kernel, "Bea")
    await pump()
    first = await rows(kernel)
    assert (first[0].state, first[0].error) == ("waiting", "answered 500")
    receiver.status = [302]
    await pump(later=True)
    assert (await rows(kernel))[0].error == "redirects are not followed"
    for _round in range(4):
        await pump(later=True)
    assert [r.state for r in await rows(kernel)] == ["delivered"] * 4
    told = [b["payload"]["after"]["last_name"] for b in receiver.bodies if "Ada" in str(b)]
    assert told == ["Ada 0"] * 3 + ["Ada 1", "Ada 2"]
    assert len({h["webhook-id"] for h, b in receiver.got if b"Ada 0" in b and b"contact.created" in b}) == 1, (
        "each try has the same id"
    )
    receiver.status = [500] * 100
    await contact(kernel, "Cid")
    for _round in range(10):
        await pump(later=True)
    last = (await rows(kernel))[-1]
    assert (last.state, last.attempts) == ("failed", 8)


async def test_replay_of_one_and_of_a_range_keeps_the_message_id(
    kernel: Kernel, contact: Make, pump: Pump, receiver: Receiver, as_user: People
) -> None:
    admin = await as_user("admin")
    began = utcnow() - timedelta(seconds=1)
    await contact(kernel, "Early")  # before there is a webhook
    await pump()
    webhook = await hook(admin.api, receiver)
    await contact(kernel, "Ada")
    await pump()
    [row] = await rows(kernel)
    await admin.api.post(f"/webhooks/{webhook['id']}/deliveries/{row.id}/replay", status=200)
    await pump()
    assert [h["webhook-id"] for h, _b in receiver.got] == [row.message_id] * 2
    told = await admin.api.post(f"/webhooks/{webhook['id']}/replay", {"since": began.isoformat()}, status=200)
    assert told == {"count": 1}, "only what did not arrive: the event before the webhook"
    told = await admin.api.post(
        f"/webhooks/{webhook['id']}/replay", {"since": began.isoformat(), "failed_only": False}, status=200
    )
    assert told == {"count": 2}
    await pump()
    assert sorted(b["payload"]["after"]["last_name"] for b in receiver.bodies) == ["Ada 0"] * 3 + ["Early 0"] * 2
    assert (await admin.client.get(f"/webhooks/{webhook['id']}/deliveries")).status_code == 200
    assert "Deliveries" in (await admin.client.get(f"/webhook-panel?id={webhook['id']}")).text


async def test_address_that_fails_for_days_or_is_gone_is_switched_off_and_its_owner_told(
    kernel: Kernel, contact: Make, pump: Pump, receiver: Receiver, as_user: People
) -> None:
    api = (await as_user("admin")).api
    webhook = await hook(api, receiver)
    receiver.status = [500, 500]
    await contact(kernel, "Ada")
    await pump()
    async with kernel.db.write.begin() as connection:
        await connection.execute(sa.update(Webhook).values(failing_since=utcnow() - timedelta(days=6)))
    await pump(later=True)
    found = await api.get(f"/webhooks/{webhook['id']}")
    assert (found["is_active"], "failed for 5 days" in found["stopped"]) == (False, True)
    async with kernel.db.session(readonly=True) as session:
        assert (await session.scalars(sa.select(MailRow.purpose))).all() == ["core.webhook_stopped"]
    await api.patch(f"/webhooks/{webhook['id']}", {"is_active": True})
    assert (await api.get(f"/webhooks/{webhook['id']}"))["stopped"] == ""
    receiver.status = [410]
    await contact(kernel, "Bea")
    await pump(later=True)
    assert (await api.get(f"/webhooks/{webhook['id']}"))["is_active"] is False


async def test_nothing_is_sent_while_outgoing_is_paused(
    kernel: Kernel, contact: Make, pump: Pump, receiver: Receiver, as_user: People
) -> None:
    api = (await as_user("admin")).api
    await hook(api, receiver)
    async with kernel.write(TEST) as uow:
        await mail.pause(uow, "restored")
    await contact(kernel, "Ada")
    await pump()
    assert receiver.got == []
    async with kernel.write(TEST) as uow:
        await mail.resume(uow)
    await pump(later=True)
    assert len(receiver.got) == 1


async def test_filter_and_patterns_choose_events(
    kernel: Kernel, contact: Make, pump: Pump, receiver: Receiver, as_user: People
) -> None:
    api = (await as_user("admin")).api
    await hook(
        api,
        receiver,
        events="core.contact.created",
        filter='{"field": "last_name", "op": "starts_with", "value": "Ada"}',
    )
    await contact(kernel, "Ada", changes=1)
    await contact(kernel, "Bea")
    await pump()
    assert [b["payload"]["after"]["last_name"] for b in receiver.bodies] == ["Ada 0"]
    assert [r.state for r in await rows(kernel)] == ["delivered", "skipped"]
    for bad in (
        {"url": "ftp://x/"}, {"url": "http://user:pw@x/"}, {"events": "not an event"}, {"events": ""},
        {"filter": "{nonsense"}, {"events": "*", "filter": '{"field": "last_name", "op": "is", "value": "x"}'},
    ):  # fmt: skip
        await api.post("/webhooks", {"name": "x", "url": receiver.url, "events": "core.contact.*", **bad}, status=422)


async def test_test_button_sends_a_message(kernel: Kernel, pump: Pump, receiver: Receiver, as_user: People) -> None:
    admin = await as_user("admin")
    webhook = await hook(admin.api, receiver)
    made = await admin.api.post(f"/webhooks/{webhook['id']}/test", status=200)
    await pump()
    assert receiver.bodies[-1]["type"] == "core.webhook.test"
    assert str((await rows(kernel))[-1].id) == made["delivery_id"]


async def test_batch_that_comes_again_makes_no_second_delivery(
    kernel: Kernel, contact: Make, pump: Pump, receiver: Receiver, as_user: People
) -> None:
    await hook((await as_user("admin")).api, receiver)
    await contact(kernel, "Ada")
    await pump()
    from crm_core.jobs.tables import SINKS

    async with kernel.db.write.begin() as connection:
        await connection.execute(sa.update(SINKS).values(position=0))
    await pump()
    assert len(receiver.got) == 1


async def test_deliveries_that_waited_in_a_pause_are_given_up_when_that_is_asked_for(
    kernel: Kernel, contact: Make, pump: Pump, receiver: Receiver, as_user: People
) -> None:
    """After a restore: whatever the copy would send may have been sent since."""
    api = (await as_user("admin")).api
    await hook(api, receiver)
    await api.post("/mail/pause", {"reason": "restored"}, status=204)
    await contact(kernel, "Old")
    await pump()
    assert [r.state for r in await rows(kernel)] == ["waiting"]
    await api.post("/mail/resume", {"discard": True}, status=200)
    await pump(later=True)
    assert receiver.got == []
    assert [(r.state, r.error) for r in await rows(kernel)] == [("failed", "discarded when sending was resumed")]
    await contact(kernel, "New")
    await pump()
    assert len(receiver.got) == 1


async def test_deliveries_that_waited_in_a_pause_go_out_when_nothing_is_given_up(
    kernel: Kernel, contact: Make, pump: Pump, receiver: Receiver, as_user: People
) -> None:
    api = (await as_user("admin")).api
    await hook(api, receiver)
    await api.post("/mail/pause", {"reason": "maintenance"}, status=204)
    await contact(kernel, "Ada")
    await pump()
    await api.post("/mail/resume", {}, status=200)
    await pump(later=True)
    assert [r.state for r in await rows(kernel)] == ["delivered"]
