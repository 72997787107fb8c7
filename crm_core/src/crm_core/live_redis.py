"""Live messages between processes, through Redis: each publishes what happens in it and hears the others."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from uuid import uuid4

import msgspec
import redis.asyncio

from crm_core.jobs.loops import cancelled
from crm_core.live import LOST, Message

log = logging.getLogger(__name__)
CHANNEL = "crm:live"
WAITING = 1000
"""Messages kept for sending; more are dropped while Redis is slow or away."""
SECONDS = 2.0
PAUSE = 1.0


class Wire(msgspec.Struct, array_like=True):
    """A message on its way. origin: the process, which does not listen to itself."""

    origin: str
    topic: str
    id: str
    version: int


class Fanout:
    """This process's end of the channel; its tasks begin when they are first needed."""

    def __init__(self, url: str, deliver: Callable[[Message], None]) -> None:
        self.url, self.deliver, self.origin = url, deliver, uuid4().hex
        self.waiting: asyncio.Queue[Message] = asyncio.Queue(WAITING)
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def send(self, message: Message) -> None:
        """Tell the other processes, later and without waiting."""
        if not self.waiting.full():
            self.waiting.put_nowait(message)
        self._begin("send", self._sending)

    def listen(self) -> None:
        """Begin to hear the other processes."""
        self._begin("hear", self._hearing)

    def _begin(self, name: str, work: Callable[[redis.asyncio.Redis], object]) -> None:
        if name not in self.tasks or self.tasks[name].done():
            self.tasks[name] = asyncio.get_running_loop().create_task(self._for_ever(work))

    async def _for_ever(self, work: Callable[[redis.asyncio.Redis], object]) -> None:
        broken = False
        while not cancelled():
            client = redis.asyncio.Redis.from_url(self.url, socket_connect_timeout=SECONDS)
            try:
                await work(client)  # type: ignore[misc]  # an async method
            except (redis.RedisError, OSError) as error:
                if not broken:
                    log.warning("live updates stay in this process: %s", error)
                broken = True
            finally:
                with contextlib.suppress(redis.RedisError, OSError):
                    await client.aclose()
            await asyncio.sleep(PAUSE)

    async def _sending(self, client: redis.asyncio.Redis) -> None:
        while not cancelled():
            message = await self.waiting.get()
            wire = Wire(self.origin, message.topic, message.id, message.version)
            await client.publish(CHANNEL, msgspec.json.encode(wire))

    async def _hearing(self, client: redis.asyncio.Redis) -> None:
        async with client.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(CHANNEL)
            self.deliver(Message(LOST))  # nobody knows what was said before, or while the connection was gone
            while not cancelled():
                found = await channel.get_message(timeout=10.0)
                if found is None:
                    await channel.ping()
                    continue
                try:
                    wire = msgspec.json.decode(found["data"], type=Wire)
                except msgspec.DecodeError:
                    continue  # not ours
                if wire.origin != self.origin:
                    self.deliver(Message(wire.topic, wire.id, wire.version))

    async def close(self) -> None:
        """Stop."""
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
