"""Jobs through Redis: dramatiq's workers take (id, token) from a list, the row says whether to run.

The broker keeps no acknowledgements. A message that is lost, with a worker or with Redis, is healed by the
lease of its row; a message that comes twice, late, or from a stranger finds another token and does nothing.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import redis
import redis.asyncio
from dramatiq import Actor, Broker, Consumer, Message, MessageProxy, Worker
from dramatiq.errors import ConnectionClosed

from crm_core.jobs import rows
from crm_core.jobs.execute import Pace, give_back
from crm_core.jobs.leases import Leases
from crm_core.jobs.loops import cancelled
from crm_core.jobs.runner import LOOK_SECONDS, claim, until_next

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

log = logging.getLogger(__name__)

CHANNEL = "crm:wake"
DEAD_LETTERS = "crm:dead-letters"
MOST_DEAD_LETTERS = 1000
ACTOR = "run_job"
HANDOVER_SECONDS = 5.0
"""How long a message may be under way before its row is handed over again."""
LOADED_SECONDS = 0.01
"""Pause between two looks at Redis while there is more to do than it may hold."""


def queue_key(queue: str) -> str:
    """Return the Redis list of a queue."""
    return f"crm:queue:{queue}"


async def announce(kernel: Kernel) -> None:
    """Call the workers after each commit that wrote jobs, until cancelled. A lost call is made up for by their poll."""
    client = redis.asyncio.Redis.from_url(kernel.config.redis_url or "", socket_timeout=2, socket_connect_timeout=2)
    try:
        while not cancelled():
            await kernel.wake.wait()
            kernel.wake.clear()
            try:
                await client.publish(CHANNEL, b"")
            except (redis.RedisError, OSError) as error:
                log.warning("workers cannot be called: %s", error)
    finally:
        await client.aclose()


async def hear(kernel: Kernel) -> None:
    """Wake this process whenever another one announces jobs, until cancelled."""
    while not cancelled():
        client = redis.asyncio.Redis.from_url(kernel.config.redis_url or "", socket_connect_timeout=2)
        try:
            async with client.pubsub() as heard:
                await heard.subscribe(CHANNEL)
                async for _message in heard.listen():
                    kernel.wake.set()
                    if cancelled():
                        break
        except (redis.RedisError, OSError) as error:
            log.warning("calls cannot be heard: %s", error)
            await asyncio.sleep(1)
        finally:
            await client.aclose()


def encode(claimed: rows.Claimed) -> bytes:
    """Return the message: id and token, nothing that could be executed."""
    return f"{claimed.id} {claimed.token}".encode()


def decode(body: bytes) -> tuple[UUID, UUID]:
    """Return id and token; ValueError for anything else."""
    job_id, token = body.decode("ascii").split(" ")
    return UUID(job_id), UUID(token)


class RowBroker(Broker):
    """The part of a dramatiq broker that is needed when rows are the truth: lists, no acknowledgements."""

    def __init__(self, url: str) -> None:
        super().__init__(middleware=[])
        self.client = redis.Redis.from_url(url, socket_timeout=10, socket_connect_timeout=5)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 1000) -> Consumer:
        """Return a consumer that waits up to `timeout` ms for a message."""
        return RowConsumer(self, queue_name, prefetch, timeout / 1000)

    def declare_queue(self, queue_name: str) -> None:
        """Make the queue known; the workers start a consumer for it."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = None
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Append a message to its list; delays are the row's business."""
        if delay is not None:
            raise ValueError("a delay belongs into the row")
        self.client.rpush(queue_key(message.queue_name), " ".join(message.args).encode())
        return message

    def get_declared_queues(self) -> set[str]:
        """Return the names of all queues."""
        return set(self.queues)

    def close(self) -> None:
        """Close the connections."""
        self.client.close()


class RowConsumer(Consumer):
    """Takes messages from one list, never more at a time than there is work for."""

    def __init__(self, broker: RowBroker, queue: str, prefetch: int, timeout: float) -> None:
        self.broker = broker
        self.queue = queue
        self.room = threading.BoundedSemaphore(prefetch)
        self.timeout = timeout

    def __next__(self) -> MessageProxy | None:
        if not self.room.acquire(timeout=self.timeout):
            return None
        message = None
        try:
            found: Any = self.broker.client.blpop([queue_key(self.queue)], timeout=self.timeout)
            message = self._message(found[1]) if found else None
        except (redis.RedisError, OSError) as error:
            raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]  # dramatiq's own
        finally:
            if message is None:
                self.room.release()
        return message

    def _message(self, body: bytes) -> MessageProxy | None:
        try:
            job_id, token = decode(body)
        except ValueError:
            log.warning("a message that is not ours lies in %s; moved to %s", queue_key(self.queue), DEAD_LETTERS)
            self.broker.client.lpush(DEAD_LETTERS, body)
            self.broker.client.ltrim(DEAD_LETTERS, 0, MOST_DEAD_LETTERS - 1)
            return None
        return MessageProxy(Message(self.queue, ACTOR, (str(job_id), str(token)), {}, {}))

    def ack(self, message: MessageProxy) -> None:
        """Nothing to tell Redis: the row has it."""
        self.room.release()

    def nack(self, message: MessageProxy) -> None:
        """Nothing to tell Redis: the lease heals it."""
        self.room.release()

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Put messages nobody began back to the front."""
        for message in messages:
            self.broker.client.lpush(queue_key(self.queue), " ".join(message.args).encode())

    def close(self) -> None:
        """Nothing is held between two messages."""


class WorkerLoop:
    """One worker process: hands due rows over to Redis, and runs what its threads take from there."""

    def __init__(self, kernel: Kernel, pace: Pace) -> None:
        self.kernel = kernel
        self.pace = pace
        self.loop = asyncio.get_running_loop()
        self.leases = Leases(kernel, pace)
        self.looked = 0.0
        # One statement needs no BEGIN and COMMIT around it: one trip to the database instead of three.
        self.single = kernel.db.write if kernel.db.sqlite else kernel.db.write.execution_options(
            isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True
        )  # fmt: skip
        self.broker = RowBroker(kernel.config.redis_url or "")
        self.client = redis.asyncio.Redis.from_url(
            kernel.config.redis_url or "", socket_timeout=5, socket_connect_timeout=2
        )
        self.queues = sorted({j.queue for j in kernel.registry.jobs.values()} | {"default"})
        self.worker = Worker(self.broker, worker_timeout=1000, worker_threads=pace.concurrent)
        self.worker.queue_prefetch = pace.concurrent + 4
        Actor(self._on_thread, broker=self.broker, actor_name=ACTOR, queue_name="default", priority=0, options={})
        for queue in self.queues:
            self.broker.declare_queue(queue)

    async def run(self) -> None:
        """Work until cancelled; then let running jobs end within the grace time."""
        self.worker.start()
        beat = asyncio.create_task(self.leases.beat())
        try:
            await self._hand_over_for_ever()
        finally:
            for worker in self.worker.workers:
                worker.stop()
            await self.leases.wind_down()
            await asyncio.to_thread(self.worker.stop, 2000)
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
            self.broker.close()
            await self.client.aclose()

    def _on_thread(self, job_id: str, token: str) -> None:
        """Run on a dramatiq thread: the coroutine lives in the process's one event loop."""
        asyncio.run_coroutine_threadsafe(self._start(UUID(job_id), UUID(token)), self.loop).result()

    async def _start(self, job_id: UUID, token: UUID) -> None:
        try:
            async with self.single.begin() as connection:
                claimed = await rows.start(connection, job_id, token, self.pace.lease)
        except Exception as error:  # noqa: BLE001 - the database is away: the lease heals it
            log.warning("job %s cannot be begun: %s", job_id, error)
            return
        if claimed is not None and claimed.kind in self.kernel.registry.jobs_by_name:
            await self.leases.run(claimed)
            if claimed.lane:
                self.kernel.wake.set()

    async def _hand_over_for_ever(self) -> None:
        wake = self.kernel.wake
        while not cancelled():
            wake.clear()
            pause = self.pace.poll
            try:
                pause = await self._hand_over()
            except Exception as error:  # noqa: BLE001 - database or Redis are away: try again
                log.warning("jobs cannot be handed over: %s", error)
            if pause > LOADED_SECONDS and not wake.is_set():
                waiting = self.loop.call_later(pause, wake.set)
                await wake.wait()
                waiting.cancel()
            else:
                await asyncio.sleep(LOADED_SECONDS if pause else 0)

    async def _hand_over(self) -> float:
        """Claim what the lists have room for and push it; return the seconds to wait for a call."""
        most = self.pace.concurrent * 4
        room = most - max(await self._lengths())
        if room < most // 2:
            return await self._while_loaded()
        taken = await claim(self.kernel, room, HANDOVER_SECONDS, counts=False)
        if taken:
            await self._push(taken)
        return await self._while_loaded() if len(taken) == room else await until_next(self.kernel, self.pace.poll)

    async def _while_loaded(self) -> float:
        """Look for jobs of dead processes now and then although there is always more to do."""
        if time.monotonic() - self.looked > LOOK_SECONDS:
            self.looked = time.monotonic()
            await until_next(self.kernel, self.pace.poll)
        return LOADED_SECONDS

    async def _lengths(self) -> Sequence[int]:
        async with self.client.pipeline(transaction=False) as pipe:
            for queue in self.queues:
                _queued = pipe.llen(queue_key(queue))
            return await pipe.execute()

    async def _push(self, taken: Sequence[rows.Claimed]) -> None:
        try:
            async with self.client.pipeline(transaction=False) as pipe:
                for claimed in taken:
                    _queued = pipe.rpush(queue_key(claimed.queue), encode(claimed))
                await pipe.execute()
        except (redis.RedisError, OSError):
            # Some may have arrived: with a new token at the next claim those do nothing.
            await give_back(self.kernel, taken, counted=False)
            raise
