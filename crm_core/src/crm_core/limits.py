"""How often somebody may ask: counts per key in windows of a minute, shared through Redis where there is one.

A hit never waits for the network. Each process counts for itself, and twice a second adds its counts to those in
Redis and takes note of the sums. So the counts of the other processes are up to half a second old, and until
then each process lets the whole limit pass; while Redis is away each goes on by its own count.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from crm_core.errors import RateLimited
from crm_core.i18n import Strings
from crm_core.jobs.loops import cancelled

_ = Strings("crm_core")
log = logging.getLogger(__name__)

WINDOW = 60
"""Seconds. Windows are those of the clock, the same in every process."""
SHARE_SECONDS = 0.5
REDIS_SECONDS = 2.0


class TooManyRequests(RateLimited):
    """Too many requests in this minute from one address, through one link or with one token."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What is left of a limit after a hit. reset: seconds until the window ends."""

    limit: int
    count: int
    reset: int

    @property
    def exceeded(self) -> bool:
        """Return whether this hit was one too many."""
        return self.count > self.limit

    @property
    def remaining(self) -> int:
        """Return how many more hits this window takes."""
        return max(0, self.limit - self.count)

    def demand(self) -> None:
        """Raise TooManyRequests when this hit was one too many."""
        if self.exceeded:
            raise TooManyRequests(_("Too many requests. Try again in a minute."), retry_after=self.reset)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the fields of draft-ietf-httpapi-ratelimit-headers, and the three older ones clients know."""
        limit, left, reset = b"%d" % self.limit, b"%d" % self.remaining, b"%d" % self.reset
        return [
            (b"ratelimit-policy", b'"default";q=%b;w=%d' % (limit, WINDOW)),
            (b"ratelimit", b'"default";r=%b;t=%b' % (left, reset)),
            (b"ratelimit-limit", limit),
            (b"ratelimit-remaining", left),
            (b"ratelimit-reset", reset),
        ]


class Limits:
    """The counts of one process; `close()` ends their exchange with Redis. clock: seconds since 1970."""

    def __init__(self, redis_url: str | None = None, clock: Callable[[], float] = time.time) -> None:
        self.redis_url, self.clock = redis_url, clock
        self.window = -1
        self.own: dict[str, int] = {}
        self.told: dict[str, int] = {}  # how much of `own` Redis knows
        self.others: dict[str, int] = {}
        self.task: asyncio.Task[None] | None = None

    def hit(self, key: str, limit: int) -> Usage:
        """Count one request of `key` in this minute."""
        now = self.clock()
        window = int(now // WINDOW)
        if window != self.window:
            self.window, self.own, self.told, self.others = window, {}, {}, {}
        self.own[key] = count = self.own.get(key, 0) + 1
        if self.redis_url is not None and (self.task is None or self.task.done()):
            self.task = asyncio.get_running_loop().create_task(self._share_for_ever(self.redis_url))
        return Usage(limit, count + self.others.get(key, 0), WINDOW - int(now % WINDOW))

    async def _share_for_ever(self, url: str) -> None:
        import redis.asyncio  # embedded, it is never imported

        client = redis.asyncio.Redis.from_url(url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS)
        broken = False
        try:
            while not cancelled():
                await asyncio.sleep(SHARE_SECONDS)
                try:
                    await self._share(client)
                    broken = False
                except (redis.RedisError, OSError) as error:
                    if not broken:
                        log.warning("limits are counted by this process alone: %s", error)
                    broken = True
        finally:
            await client.aclose()

    async def _share(self, client: object) -> None:
        """Add what was counted since the last time; a window that ended meanwhile is forgotten."""
        window, own, told, others = self.window, self.own, self.told, self.others
        new = {key: count - told.get(key, 0) for key, count in own.items() if count > told.get(key, 0)}
        if not new:
            return
        counted = {key: own[key] for key in new}
        async with client.pipeline(transaction=False) as batch:  # type: ignore[attr-defined]  # a client of redis.asyncio
            for key, more in new.items():
                name = f"crm:limit:{window}:{key}"
                batch.incrby(name, more)
                batch.expire(name, 2 * WINDOW)
            sums = (await batch.execute())[::2]
        for key, total in zip(new, sums, strict=True):
            told[key] = counted[key]
            others[key] = int(total) - counted[key]

    async def close(self) -> None:
        """Stop sharing."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
