"""1,000 streams on one worker: memory, and the time from a commit to its receipt by every browser.

uv run python -m benchmarks.live [streams] [changes]

The worker is a process of its own that serves as `crm serve` does; the clients are sockets in this process, so the
time they take to read counts too.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles
from typing import Any

import psutil

STREAMS, CHANGES = 1000, 40
GOAL_MEGABYTES, GOAL_SECONDS = 200, 0.3


async def serve(folder: str, descriptor: str) -> None:
    """Be the worker; prints the administrator's token and session when it is ready."""
    import socket

    import uvicorn
    from crm_core.app import create_app
    from crm_core.config import Config
    from crm_core.db import migrate
    from crm_core.defaults import load_defaults
    from crm_core.kernel import open_kernel
    from crm_core.testing.people import People

    listening = socket.socket(fileno=int(descriptor))
    port = listening.getsockname()[1]
    config = Config(
        folder=Path(folder), database_url=f"sqlite+aiosqlite:///{folder}/crm.db", secret_key="x" * 40, jobs=False,
        base_url=f"http://127.0.0.1:{port}", port=port, api_limit=0,
    )  # fmt: skip
    kernel = await open_kernel(config)
    await migrate.upgrade(config.database_url, migrate.packages(kernel.registry))
    await load_defaults(kernel)
    kernel.live.per_user = kernel.live.most
    app = create_app(kernel)
    tokens = [(await People(kernel, app)("admin", f"person {n}")).api.headers["authorization"] for n in range(20)]
    server = uvicorn.Server(
        uvicorn.Config(app, http="httptools", ws="none", lifespan="on", log_level="error", access_log=False)
    )
    print(json.dumps(tokens), flush=True)
    await server.serve(sockets=[listening])


async def stream(port: int, token: str, arrived: dict[str, list[float]], ready: asyncio.Semaphore) -> None:
    """Be a browser: note when each record's message came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET /live?topics=core.contact HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: {token}\r\n\r\n"
    writer.write(request.encode())
    await reader.readuntil(b": listening\n\n")
    ready.release()
    while line := await reader.readline():
        if line.startswith(b"data: {"):
            arrived.setdefault(json.loads(line[6:])["id"], []).append(time.perf_counter())


async def measure(port: int, process: psutil.Process, tokens: list[str], streams: int, changes: int) -> bool:
    """Open the streams, change records, print the figures; return whether the goals are met."""
    import httpx2

    arrived: dict[str, list[float]] = {}
    opened = asyncio.Semaphore(0)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers={"authorization": tokens[0]}) as http:
        await http.post("/api/v1/contacts", json={"last_name": "warm"})
        before = process.memory_info().rss / 2**20
        tasks = []
        for number in range(streams):
            tasks.append(asyncio.create_task(stream(port, tokens[number % len(tokens)], arrived, opened)))
            if number % 50 == 49:
                for _stream in range(50):
                    await asyncio.wait_for(opened.acquire(), 60)
        sent: dict[str, tuple[float, float]] = {}
        used = sum(process.cpu_times()[:2])
        for number in range(changes):
            began = time.perf_counter()
            made: Any = (await http.post("/api/v1/contacts", json={"last_name": f"n{number}"})).json()
            sent[made["id"]] = (began, time.perf_counter())
            await asyncio.sleep(0.25)
        await asyncio.sleep(2)
        after, used = process.memory_info().rss / 2**20, sum(process.cpu_times()[:2]) - used
        for task in tasks:
            task.cancel()
    waits = [at - sent[key][0] for key, times in arrived.items() if key in sent for at in times]
    p50, p95 = (quantiles(waits, n=100)[i] for i in (49, 94))
    print(f"streams: {streams}; changes: {changes}; messages received: {len(waits)} of {streams * changes}")
    print(f"memory of the worker: {before:.0f} MB before, {after:.0f} MB with {streams} streams "
          f"({(after - before) * 1024 / streams:.0f} kB each); goal under {GOAL_MEGABYTES} MB")  # fmt: skip
    print(f"from the request that changes to the receipt: p50 {p50 * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms, "
          f"most {max(waits) * 1000:.0f} ms; goal p95 under {GOAL_SECONDS * 1000:.0f} ms")  # fmt: skip
    print(f"processor time of the worker for one change, told to all: {used / changes * 1000:.0f} ms")
    print(f"load {os.getloadavg()[0]:.1f}")
    return len(waits) == streams * changes and after < GOAL_MEGABYTES and p95 < GOAL_SECONDS


async def main(streams: int, changes: int) -> bool:
    """Start the worker and measure it."""
    import resource
    import socket

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2 * streams + 500)), hard))
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    with tempfile.TemporaryDirectory() as folder:
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.live", "serve", folder, str(listening.fileno()),
            stdout=asyncio.subprocess.PIPE, pass_fds=(listening.fileno(),),
        )  # fmt: skip
        assert worker.stdout is not None
        try:
            tokens = json.loads(await worker.stdout.readline())
            return await measure(listening.getsockname()[1], psutil.Process(worker.pid), tokens, streams, changes)
        finally:
            worker.kill()
            await worker.wait()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        import uvloop

        uvloop.run(serve(*sys.argv[2:4]))
    else:
        given = [int(a) for a in sys.argv[1:3]]
        sys.exit(not asyncio.run(main(*(given + [STREAMS, CHANGES][len(given) :]))))
