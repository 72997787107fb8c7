"""F7: Redis is restarted, emptied, full, read-only and away while the web process enqueues and workers run jobs."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from crm_core.kernel import Kernel
from crm_core.testing.servers import RedisServer
from crm_kills.forged import Processes
from crm_kills.ledger import Ledger, token_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

JOBS = 20_000
AT_ONCE = 10
"""Jobs in one request."""
CLIENTS = 4
AWAY, AWAY_SHARE = 600.0, 3.0
"""Seconds without Redis: of the whole run, of a share."""
DRAINED = 300.0


class Faults:
    """What is done to Redis, one after the other; `told` names what was done."""

    def __init__(self, server: RedisServer, away: float, short: float) -> None:
        self.server, self.away, self.short = server, away, short
        self.told: list[str] = []

    def all(self) -> list[Callable[[], Awaitable[None]]]:
        """Return the faults in their order."""
        return [self.restart, self.flush, self.read_only, self.full, self.evicting, self.flush, self.be_away]

    def _do(self, *words: str) -> None:
        answer = self.server.command(*words)
        assert answer.startswith(b"+OK"), (words, answer)

    async def restart(self) -> None:
        self.told.append("killed and restarted")
        await asyncio.to_thread(self.server.stop, hard=True)
        await asyncio.to_thread(self.server.start)

    async def flush(self) -> None:
        self.told.append("FLUSHALL")
        self._do("FLUSHALL")

    async def read_only(self) -> None:
        self.told.append(f"read-only for {self.short:g} s")
        self._do("REPLICAOF", "127.0.0.1", "1")
        await asyncio.sleep(self.short)
        self._do("REPLICAOF", "NO", "ONE")

    async def full(self) -> None:
        self.told.append(f"full for {self.short:g} s")
        self._do("CONFIG", "SET", "maxmemory", "1")
        await asyncio.sleep(self.short)
        self._do("CONFIG", "SET", "maxmemory", "0")

    async def evicting(self) -> None:
        self.told.append(f"evicting all keys for {self.short:g} s")
        self._do("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
        self._do("CONFIG", "SET", "maxmemory", "1")
        await asyncio.sleep(self.short)
        self._do("CONFIG", "SET", "maxmemory", "0")
        self._do("CONFIG", "SET", "maxmemory-policy", "noeviction")

    async def be_away(self) -> None:
        self.told.append(f"away for {self.away:g} s")
        await asyncio.to_thread(self.server.stop, hard=True)
        await asyncio.sleep(self.away)
        await asyncio.to_thread(self.server.start)


class Enqueuer:
    """Sends requests that enqueue jobs; counts answers by status, and notes what was acknowledged in a file."""

    def __init__(self, port: int, token: str, acknowledged: Path) -> None:
        self.port, self.acknowledged = port, acknowledged
        self.headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self.answers: Counter[int] = Counter()
        self.problems: set[bytes] = set()
        self.slowest = 0.0

    def send(self, numbers: range) -> None:
        """Enqueue the jobs of these numbers over one connection."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        for number in numbers[::AT_ONCE]:
            body = json.dumps({"number": number, "record": False, "jobs": AT_ONCE})
            began = time.monotonic()
            line.request("POST", "/api/v1/kills/orders", body, {**self.headers, "idempotency-key": f"o{number}"})
            answer = line.getresponse()
            problem = answer.read()
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.answers[answer.status] += 1
            if answer.status == 201:
                with self.acknowledged.open("a") as file:
                    file.write("".join(f"{n}\n" for n in range(number, number + AT_ONCE)))
            else:
                self.problems.add(problem[:300])
        line.close()


async def enqueue_through(faults: Faults, enqueuer: Enqueuer, jobs: int) -> None:
    """Spread the requests over the faults: each begins after its share of requests, which go on while it lasts."""
    steps = faults.all()
    part = jobs // len(steps) // CLIENTS // AT_ONCE * AT_ONCE
    sent = 0
    for number, fault in enumerate(steps):
        last = number == len(steps) - 1
        size = (jobs - sent) // CLIENTS if last else part
        ranges = [range(sent + size * c, sent + size * (c + 1)) for c in range(CLIENTS)]
        halves = [(r[: len(r) // AT_ONCE // 2 * AT_ONCE], r[len(r) // AT_ONCE // 2 * AT_ONCE :]) for r in ranges]
        await asyncio.gather(*(asyncio.to_thread(enqueuer.send, first) for first, _second in halves))
        await asyncio.gather(fault(), *(asyncio.to_thread(enqueuer.send, second) for _first, second in halves))
        sent += size * CLIENTS


@pytest.mark.redis
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
async def test_jobs_and_requests_survive_everything_that_happens_to_redis(
    scaled_out: Kernel, processes: Processes, redis_server: Any, tmp_path: Path, full: bool, share: int
) -> None:
    jobs, work = JOBS // share, tmp_path / "work"
    ledger = Ledger(scaled_out, work)
    await ledger.prepare()
    token = await token_of(scaled_out)
    config = scaled_out.config.but(testing=False, base_url="", api_limit=10**6, log_level="error", jobs=True)
    enqueuer = Enqueuer(processes.web(config, work), token, ledger.acknowledged)
    for _number in range(2):
        processes.worker(config, work, concurrent=8)
    faults = Faults(redis_server, AWAY if full else AWAY_SHARE, 5.0 if full else 1.0)
    started = time.monotonic()
    await enqueue_through(faults, enqueuer, jobs)
    back = time.monotonic()
    await ledger.wait(DRAINED)
    drained = time.monotonic() - back
    deaths = processes.stop()
    found = await ledger.outcome()
    failed = sum(count for status, count in enqueuer.answers.items() if status >= 500)
    print(
        f"\nF7: N = {jobs} jobs enqueued by {enqueuer.answers.total()} requests while Redis was "
        f"{', '.join(faults.told)}: {found.lost} lost, {found.twice} twice, {found.dead} dead, {failed} answers 5xx, "
        f"slowest answer {enqueuer.slowest:.2f} s, {found.attempts} attempts; drained {drained:.1f} s after the last "
        f"fault; {deaths} processes died; {time.monotonic() - started:.0f} s"
    )
    assert enqueuer.answers == {201: jobs // AT_ONCE}, enqueuer.problems
    assert (found.lost, found.twice, found.dead, deaths) == (0, 0, 0, 0)
    assert len(ledger.acknowledged.read_text().split()) == jobs
    assert drained < DRAINED
