"""Live updates: who listens to a topic hears that something there changed, never what.

Memory serves one process; with Redis every process tells the others. Best effort: a slow listener and a lost
connection lose messages, never memory, and are told so ("@lost"), for them to fetch again.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from crm_core.errors import RateLimited
from crm_core.i18n import Strings

if TYPE_CHECKING:
    from crm_core.entity.changes import Change
    from crm_core.live_redis import Fanout

_ = Strings("crm_core")
CHECK = "@check"
"""Topic of messages that sessions or rights changed: streams look at theirs again."""
LOST = "@lost"
"""Topic of messages that others may have been missed."""
MOST_TOLD = 50
"""Records told of one by one after a transaction; beyond it only that their entity changed."""


class TooManyStreams(RateLimited):
    """One user, or all together, have as many live streams open as a process takes."""


@dataclass(frozen=True, slots=True)
class Message:
    """topic: entity, "entity/id" or "user/id"; the listener fetches again with its own rights.

    version: of the record; 0 when something else on its page changed.
    """

    topic: str
    id: str = ""
    version: int = 0


class Listener:
    """One stream's messages. `next` gives None when nothing came in time, and raises StopAsyncIteration at the end."""

    __slots__ = ("lost", "queue", "topics", "user")

    def __init__(self, topics: frozenset[str], user: object, depth: int) -> None:
        self.topics, self.user = topics, user
        self.queue: asyncio.Queue[Message | None] = asyncio.Queue(depth)
        self.lost = False

    def put(self, message: Message | None) -> None:
        """Hand over a message; one too many is replaced by the news that some were lost."""
        if message is None:
            while not self.queue.empty():
                self.queue.get_nowait()
            self.queue.put_nowait(None)
        elif self.queue.full():
            self.lost = True
        else:
            self.queue.put_nowait(message)

    async def next(self, seconds: float | None = None) -> Message | None:
        """Return the next message, None after so many seconds without one; StopAsyncIteration when it is over."""
        if self.queue.empty() and self.lost:
            self.lost = False
            return Message(LOST)
        try:
            async with asyncio.timeout(seconds):
                message = await self.queue.get()
        except TimeoutError:
            return None
        if message is None:
            raise StopAsyncIteration
        return message


class Live:
    """Who listens to what in this process."""

    def __init__(self, redis_url: str | None = None, *, depth: int = 100, per_user: int = 20, most: int = 5000) -> None:
        self.depth, self.per_user, self.most = depth, per_user, most
        self.listeners: set[Listener] = set()
        self.by_topic: dict[str, set[Listener]] = defaultdict(set)
        self.by_user: Counter[object] = Counter()
        self.fanout: Fanout | None = None
        self.redis_url = redis_url
        self.closed = False

    @property
    def wanted(self) -> bool:
        """Return whether anybody may be listening."""
        return bool(self.listeners) or self.redis_url is not None

    def _others(self) -> Fanout | None:
        """Return the way to the other processes; embedded there is none, and redis is never imported."""
        if self.fanout is None and self.redis_url is not None and not self.closed:
            from crm_core.live_redis import Fanout

            self.fanout = Fanout(self.redis_url, self.deliver)
        return self.fanout

    def publish(self, message: Message) -> None:
        """Hand a message to all who listen to its topic, here and in the other processes; best effort."""
        self.deliver(message)
        if (others := self._others()) is not None:
            others.send(message)

    def deliver(self, message: Message) -> None:
        """Hand a message to those who listen in this process."""
        everybody = message.topic in (CHECK, LOST)
        for listener in tuple(self.listeners if everybody else self.by_topic.get(message.topic, ())):
            listener.put(message)

    def open(self, topics: frozenset[str], user: object = None) -> Listener:
        """Begin to listen; TooManyStreams when this user, or all together, have too many. End it with `leave`."""
        if len(self.listeners) >= self.most or (user is not None and self.by_user[user] >= self.per_user):
            raise TooManyStreams(_("Too many pages listen for changes."), retry_after=30)
        listener = Listener(topics, user, self.depth)
        self.listeners.add(listener)
        self.by_user[user] += 1
        self.change(listener, topics)
        if (others := self._others()) is not None:
            others.listen()
        if self.closed:
            listener.put(None)
        return listener

    def change(self, listener: Listener, topics: frozenset[str]) -> None:
        """Listen to other topics from now on."""
        for topic in listener.topics - topics:
            self._forget(listener, topic)
        listener.topics = topics
        for topic in topics:
            self.by_topic[topic].add(listener)

    def leave(self, listener: Listener) -> None:
        """Stop listening."""
        if listener in self.listeners:
            self.listeners.discard(listener)
            for topic in listener.topics:
                self._forget(listener, topic)
            self.by_user[listener.user] -= 1
            if self.by_user[listener.user] <= 0:
                del self.by_user[listener.user]

    def _forget(self, listener: Listener, topic: str) -> None:
        found = self.by_topic.get(topic)
        if found is not None:
            found.discard(listener)
            if not found:
                del self.by_topic[topic]

    async def listen(self, topics: frozenset[str]) -> AsyncGenerator[Message]:
        """Yield messages of `topics` until the process stops or the caller leaves."""
        listener = self.open(topics)
        try:
            while True:
                try:
                    message = await listener.next()
                except StopAsyncIteration:
                    return
                if message is not None and message.topic in topics:
                    yield message
        finally:
            self.leave(listener)

    async def close(self) -> None:
        """End all streams."""
        self.closed = True
        for listener in tuple(self.listeners):
            listener.put(None)
        if self.fanout is not None:
            await self.fanout.close()


def told(changes: Iterable[Change], linked: Iterable[tuple[str, UUID]]) -> list[Message]:
    """Return what is told after a commit: each entity and record that changed, and the records these hang on."""
    found: list[Message] = []
    by_entity: dict[str, list[Change]] = {}
    for change in changes:
        by_entity.setdefault(change.entity.name, []).append(change)
    own = set()
    for entity, some in by_entity.items():
        if len(some) > MOST_TOLD:
            found.append(Message(entity))
            continue
        for change in some:
            version = change.record.__dict__.get("version", 0) if change.record is not None else 0
            own.add((entity, change.id))
            found += [
                Message(entity, str(change.id), version),
                Message(f"{entity}/{change.id}", str(change.id), version),
            ]
    others = {pair for pair in linked if pair not in own}
    return found + [Message(f"{entity}/{key}", str(key)) for entity, key in sorted(others)[:MOST_TOLD]]
