"""GET /live: one stream per browser that says what changed, as server-sent events.

Messages are `{"topic", "id", "version"}` without data; the page fetches again with its rights. Session and rights
are looked at again with each heartbeat, and at once when somebody's sessions end or roles change.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from litestar import Request, Response, get
from litestar.params import FromQuery
from litestar.types import ASGIApp, Receive, Scope, Send

from crm_core.auth import actor as who
from crm_core.auth.session import identify
from crm_core.entity import access
from crm_core.errors import CrmError, Forbidden, Invalid
from crm_core.i18n import Strings
from crm_core.live import CHECK, LOST, Listener, Message

if TYPE_CHECKING:
    from crm_core.auth.actor import Actor
    from crm_core.kernel import Kernel

_ = Strings("crm_core")
HEARTBEAT = 15.0
"""Seconds between two looks at session and rights; also what keeps proxies from closing the stream."""
MOST_TOPICS = 50
ME = "me"
"""Topic of what concerns the page's own user."""
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]  # fmt: skip


class TopicNotYours(Forbidden):
    """A topic of records that the actor may not read, or no topic at all; nobody is told which."""


@get("/live", include_in_schema=False, opt={"kind": "api", "signed_in": True})
async def live(request: Request[Any, Any, Any], topics: FromQuery[str] = "") -> Response[bytes]:
    """Stream changes of `topics`: entities ("core.contact") and records ("core.contact/<id>"), with commas between."""
    kernel: Kernel = request.app.state.kernel
    actor: Actor = request.scope["actor"]  # type: ignore[typeddict-item]  # ours, put there by `admit`
    wanted = frozenset(filter(None, topics.split(",")))
    if not 0 < len(wanted) <= MOST_TOPICS:
        raise Invalid(_("Ask for 1 to {most} topics.", most=MOST_TOPICS))
    if await allowed(kernel, actor, wanted) != wanted:
        raise TopicNotYours(_("You may not listen to this."))
    own = f"user/{actor.user_id}"  # told to the page as ME: what concerns its user, such as notifications
    return EventStream(kernel, kernel.live.open(wanted | {own}, actor.user_id), actor)


async def allowed(kernel: Kernel, actor: Actor, topics: frozenset[str]) -> frozenset[str]:
    """Return the topics the actor may listen to: of entities with any row to read, and of records to read."""
    found, registry = set(), kernel.registry
    for topic in topics:
        name, _slash, key = topic.partition("/")
        if topic == ME:
            found.add(topic)
            continue
        entity = registry.entities.get(name)
        if entity is None or access.scope_of(registry, actor, entity, "read") is who.Scope.none:
            continue
        if not key:
            found.add(topic)
            continue
        with contextlib.suppress(ValueError):
            table = access.table_of(entity)
            visible = access.rows(registry, actor, entity, "read", deleted=None)
            async with kernel.db.read.connect() as connection:
                if await connection.scalar(sa.select(sa.literal(1)).where(table.c.id == UUID(key), visible)):
                    found.add(topic)
    return frozenset(found)


def whole(kernel: Kernel, actor: Actor, topics: frozenset[str]) -> frozenset[str]:
    """Return the entities among topics of which the actor may read every row."""
    known = [e for topic in topics if (e := kernel.registry.entities.get(topic)) is not None]
    return frozenset(e.name for e in known if access.scope_of(kernel.registry, actor, e, "read") is who.Scope.all)


@lru_cache(maxsize=256)
def line(message: Message) -> bytes:
    """Return a message as it is sent; a thousand streams send the same one."""
    return b"data: " + msgspec.json.encode(message) + b"\n\n"


class EventStream(Response[bytes]):
    """The answer that goes on until the browser leaves, the session ends or the process stops."""

    def __init__(self, kernel: Kernel, listener: Listener, actor: Actor) -> None:
        super().__init__(b"", media_type="text/event-stream")
        self.kernel, self.listener = kernel, listener
        self.whole = whole(kernel, actor, listener.topics)

    def to_asgi_response(self, app: Any, request: Any, **rest: Any) -> ASGIApp:  # type: ignore[override]  # less of it
        """Return what sends the stream."""
        return self._run

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        leaving = asyncio.ensure_future(self._until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await send({"type": "http.response.body", "body": b": listening\n\n", "more_body": True})
            async for chunk in self._chunks(scope):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self.kernel.live.leave(self.listener)
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)

    async def _until_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.listener.put(None)

    async def _chunks(self, scope: Scope) -> Any:
        while True:
            try:
                message = await self.listener.next(HEARTBEAT)
            except StopAsyncIteration:
                return
            if message is None or message.topic == CHECK or message.topic.startswith("user/"):
                if not await self._still(scope):
                    yield b"event: ended\ndata: {}\n\n"
                    return
                if message is None:
                    yield b": \n\n"
                elif message.topic.startswith("user/") and message.id:
                    yield line(Message(ME, message.id))
            elif message.topic == LOST:
                yield b"event: lost\ndata: {}\n\n"
            else:
                yield self._line(message)

    def _line(self, message: Message) -> bytes:
        """Return a message; ids of a list's records only to those who may read them all."""
        return line(message) if "/" in message.topic or message.topic in self.whole else line(Message(message.topic))

    async def _still(self, scope: Scope) -> bool:
        """Look at session and rights again; False when the session is over or nothing is left to listen to."""
        try:
            actor = await identify(self.kernel, scope)
        except CrmError:
            return False
        if actor.user_id is None:
            return False
        own = frozenset({f"user/{actor.user_id}"})
        left = await allowed(self.kernel, actor, self.listener.topics - own)
        self.kernel.live.change(self.listener, left | own)
        self.whole = whole(self.kernel, actor, left)
        return bool(left)
