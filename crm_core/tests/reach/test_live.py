"""Live updates: who may read hears at once that something changed and nothing else; who may not is cut off."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.people import Role, UserRole
from crm_core.auth.session import Session, revoke_sessions
from crm_core.config import Config
from crm_core.kernel import Kernel, open_kernel
from crm_core.live import Message
from crm_core.plugin.registry import Registry
from crm_core.testing.people import People
from crm_core.web import live as endpoint
from litestar import Litestar

Make = Callable[..., Awaitable[Any]]
TEST = system("test")


class Browser:
    """An open stream: what came is in `lines`; talks ASGI, as clients that gather whole answers cannot stream."""

    def __init__(self, app: Litestar, cookie: str = "", token: str = "") -> None:
        self.app, self.cookie, self.token = app, cookie, token
        self.status = 0
        self.body = b""
        self.news = asyncio.Event()
        self.gone = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def open(self, topics: str) -> Browser:
        headers = [(b"host", b"testserver.local")]
        headers += [(b"cookie", self.cookie.encode())] if self.cookie else []
        headers += [(b"authorization", self.token.encode())] if self.token else []
        scope: Any = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": "/live", "raw_path": b"/live", "root_path": "", "query_string": f"topics={topics}".encode(),
            "headers": headers, "client": ("127.0.0.1", 1), "server": ("testserver.local", 80), "state": {},
        }  # fmt: skip
        self.task = asyncio.create_task(self.app(scope, self._receive, self._send))  # type: ignore[arg-type]  # plain ASGI
        await self.until(lambda: bool(self.status) and (self.status != 200 or b"listening" in self.body))
        return self

    async def _receive(self) -> Any:
        if not self.gone.is_set():
            await asyncio.sleep(0)
            self.gone_first = getattr(self, "gone_first", 0) + 1
            if self.gone_first == 1:
                return {"type": "http.request", "body": b"", "more_body": False}
            await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")
        self.news.set()

    async def until(self, holds: Callable[[], bool], seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            while not holds():
                self.news.clear()
                await self.news.wait()

    @property
    def messages(self) -> list[Any]:
        return [json.loads(line[6:]) for line in self.body.split(b"\n") if line.startswith(b'data: {"topic')]

    async def close(self) -> None:
        self.gone.set()
        if self.task is not None:
            await asyncio.wait_for(self.task, 5)


@pytest.fixture
async def browse(app: Litestar) -> AsyncIterator[Callable[..., Awaitable[Browser]]]:
    """`await browse(somebody, "core.contact")`: an open stream of theirs."""
    opened: list[Browser] = []

    async def make(somebody: Any, topics: str, *, token: bool = False) -> Browser:
        cookie = "; ".join(f"{c.name}={c.value}" for c in somebody.client.cookies.jar) if somebody else ""
        made = Browser(app, "" if token else cookie, somebody.api.headers["authorization"] if token else "")
        opened.append(await made.open(topics))
        return made

    yield make
    for one in opened:
        with contextlib.suppress(Exception):
            await one.close()


Browse = Callable[..., Awaitable[Browser]]


async def test_commit_is_heard_at_once_with_topic_id_and_version_and_no_data(
    kernel: Kernel, contact: Make, browse: Browse, as_user: People
) -> None:
    admin = await as_user("admin")
    key = await contact(kernel, "Ada")
    stream = await browse(admin, f"core.contact,core.contact/{key}")
    began = time.perf_counter()
    await admin.api.patch(f"/contacts/{key}", {"last_name": "SecretName"})
    await stream.until(lambda: len(stream.messages) == 2)
    took = time.perf_counter() - began
    assert stream.messages == [
        {"topic": "core.contact", "id": str(key), "version": 2},
        {"topic": f"core.contact/{key}", "id": str(key), "version": 2},
    ]
    assert b"SecretName" not in stream.body
    print(f"live {kernel.db.dialect}: heard {took * 1000:.0f} ms after the request began")
    other = await contact(kernel, "Bea")
    await admin.api.post("/activities", {"kind": "note", "subject": "x", "parent": f"core.contact:{key}"})
    await stream.until(lambda: len(stream.messages) >= 4)
    assert {"topic": "core.contact", "id": str(other), "version": 1} in stream.messages
    assert {"topic": f"core.contact/{key}", "id": str(key), "version": 0} in stream.messages, "its timeline changed"


async def test_nothing_is_heard_of_what_was_rolled_back(kernel: Kernel, browse: Browse, as_user: People) -> None:
    admin = await as_user("admin")
    stream = await browse(admin, "core.contact")
    from crm_core.entity import records

    with contextlib.suppress(ZeroDivisionError):
        async with kernel.write(TEST) as uow:
            await records.create(uow, kernel.registry.entity("core.contact"), {"last_name": "x"}, trusted=True)
            await uow.settle()
            raise ZeroDivisionError
    kernel.live.publish(Message("core.contact", "last"))
    await stream.until(lambda: bool(stream.messages))
    assert [m["id"] for m in stream.messages] == ["last"]


async def test_topic_takes_the_right_to_read(kernel: Kernel, contact: Make, browse: Browse, as_user: People) -> None:
    admin, seller = await as_user("admin"), await as_user("sales")
    theirs = await contact(kernel, "Theirs")
    mine = (await seller.api.post("/contacts", {"last_name": "Mine"}))["id"]
    refused = (
        f"core.contact/{theirs}", "core.role", "core.webhook", "core.nothing", "core.contact/x", "", "@check", "@lost",
        f"user/{admin.id}", f"core.contact,core.contact/{theirs}", "core.contact/../core.role", "*",
    )  # fmt: skip
    for topics in refused:
        stream = await browse(seller, topics)
        assert stream.status in (400, 403, 422), (topics, stream.status)
    assert (await browse(None, "core.contact")).status == 303, "to the page where one signs in"
    stream = await browse(seller, f"core.contact,core.contact/{mine}")
    assert stream.status == 200
    await admin.api.patch(f"/contacts/{theirs}", {"last_name": "Changed"})
    await stream.until(lambda: len(stream.messages) == 1)
    assert stream.messages == [{"topic": "core.contact", "id": "", "version": 0}], "no ids of rows that are not theirs"
    assert (await browse(seller, "core.contact", token=True)).status == 200
    print(f"live {kernel.db.dialect}: N = {len(refused) + 1} refused")


async def test_ended_session_and_lost_right_end_the_stream_at_once(
    kernel: Kernel, browse: Browse, as_user: People
) -> None:
    admin, one, two = await as_user("admin"), await as_user("sales", "one"), await as_user("sales", "two")
    first, second = await browse(one, "core.contact"), await browse(two, "core.contact,core.user")
    kept = await browse(admin, "core.contact")
    began = time.perf_counter()
    async with kernel.write(TEST) as uow:
        await revoke_sessions(uow, Session.user_id == one.id)
    await first.until(lambda: b"event: ended" in first.body, 1.0)
    took = time.perf_counter() - began
    async with kernel.write(TEST) as uow:
        role = sa.select(Role.id).where(Role.key == "sales").scalar_subquery()
        await uow.session.execute(
            sa.delete(UserRole.__table__).where(
                UserRole.__table__.c.role_id == role, UserRole.__table__.c.user_id == two.id
            )
        )
        await uow.raise_epoch("people")
    await asyncio.sleep(0.2)
    kernel.live.publish(Message("core.contact", "x"))
    kernel.live.publish(Message("core.user", "y"))
    await second.until(lambda: bool(second.messages))
    assert [m["topic"] for m in second.messages] == ["core.user"], "only what is still theirs to read"
    await kept.until(lambda: bool(kept.messages))
    print(f"live {kernel.db.dialect}: ended {took * 1000:.0f} ms after the transaction began")


async def test_record_that_is_no_longer_theirs_is_dropped_at_the_heartbeat(
    kernel: Kernel, browse: Browse, as_user: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "HEARTBEAT", 0.05)
    admin, seller = await as_user("admin"), await as_user("sales")
    mine = (await seller.api.post("/contacts", {"last_name": "Mine"}))["id"]
    stream = await browse(seller, f"core.contact/{mine}")
    await admin.api.patch(f"/contacts/{mine}", {"owner_id": str(admin.id)})
    await stream.until(lambda: b"event: ended" in stream.body)


async def test_streams_are_limited_and_forgotten(kernel: Kernel, browse: Browse, as_user: People) -> None:
    seller = await as_user("sales")
    kernel.live.per_user, kernel.live.most = 2, 3
    first = await browse(seller, "core.contact")
    await browse(seller, "core.contact")
    assert (await browse(seller, "core.contact")).status == 429
    admin = await as_user("admin")
    assert (await browse(admin, "core.contact")).status == 200
    assert (await browse(admin, "core.contact")).status == 429
    await first.close()
    assert (await browse(seller, "core.contact")).status == 200
    assert len(kernel.live.listeners) == 3


async def test_slow_browser_is_told_that_it_missed_something(kernel: Kernel) -> None:
    listener = kernel.live.open(frozenset({"t"}))
    for number in range(1000):
        kernel.live.publish(Message("t", str(number)))
    seen = [await listener.next(1) for _number in range(101)]
    assert [m.topic for m in seen if m] == ["t"] * 100 + ["@lost"]
    assert await listener.next(0.01) is None
    kernel.live.leave(listener)
    assert not kernel.live.by_topic


@pytest.mark.redis
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
async def test_other_processes_hear_through_redis(
    config: Config, registry: Registry, redis_url: str, contact: Make, redis_server: Any
) -> None:
    one, two = [await open_kernel(config.but(redis_url=redis_url), registry=registry) for _number in range(2)]
    listener = two.live.open(frozenset({"core.contact"}))
    assert (await listener.next(5)) == Message("@lost"), "subscribed"
    began = time.perf_counter()
    key = await contact(one, "Ada")
    heard = await listener.next(5)
    took = time.perf_counter() - began
    assert heard == Message("core.contact", str(key), 1)
    own = one.live.open(frozenset({"core.contact"}))
    await own.next(5)
    await contact(one, "Bea")
    first = await own.next(5)
    assert first is not None
    assert first.topic == "core.contact"
    assert await own.next(0.3) is None, "its own messages come back once, not twice"
    await asyncio.to_thread(redis_server.stop, hard=True)
    await contact(one, "Cid")  # nobody waits for Redis
    await asyncio.to_thread(redis_server.start)
    async with asyncio.timeout(20):
        while (await listener.next(20)) != Message("@lost"):
            pass
    await contact(one, "Dan")
    async with asyncio.timeout(20):
        while (message := await listener.next(20)) is None or message.topic != "core.contact":
            pass
    print(f"live through Redis: heard {took * 1000:.0f} ms after the transaction began")
    await one.close()
    await two.close()
