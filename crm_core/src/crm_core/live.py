"""Live updates inside one process: who listens to a topic hears that something there changed, never what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """topic: entity, "entity/id" or "user/id"; the listener fetches again with its own rights."""

    topic: str
    id: str = ""
    version: int = 0


class Live:
    """Fan-out in memory; a slow listener loses messages, never memory."""

    def __init__(self, depth: int = 100) -> None:
        self.depth = depth
        self.queues: dict[asyncio.Queue[Message | None], frozenset[str]] = {}

    def publish(self, message: Message) -> None:
        """Hand a message to all who listen to its topic; best effort."""
        for queue, topics in self.queues.items():
            if message.topic in topics and not queue.full():
                queue.put_nowait(message)

    async def listen(self, topics: frozenset[str]) -> AsyncGenerator[Message]:
        """Yield messages of `topics` until the process stops or the caller leaves."""
        queue: asyncio.Queue[Message | None] = asyncio.Queue(self.depth)
        self.queues[queue] = topics
        try:
            while (message := await queue.get()) is not None:
                yield message
        finally:
            self.queues.pop(queue, None)

    async def close(self) -> None:
        """End all streams."""
        for queue in list(self.queues):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)
