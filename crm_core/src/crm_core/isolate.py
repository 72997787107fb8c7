"""Dangerous work in a process of its own: limits on time and memory, no database, no network.

`await run_in_process(fn, data, seconds, megabytes)`. `fn` is a module-level function; it is named to the
child, never sent. `data` and the answer are plain values (what msgspec writes as MessagePack).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable
from typing import Any

import msgspec

from crm_core.transactions import outside_transaction

CHILDREN = 2
TASKS_PER_CHILD = 200
START_SECONDS = 20.0


class IsolatedFailure(RuntimeError):
    """The function raised, took too long, used too much memory, or took its process down."""


class TookTooLong(IsolatedFailure):
    """The function did not end within its seconds and was killed."""


class OutOfMemory(IsolatedFailure):
    """The function wanted more memory than it may have."""


class ProcessDied(IsolatedFailure):
    """The process ended without an answer: it crashed or was killed."""


class Child:
    """One spawned interpreter, talked to over a socket pair: length, then MessagePack."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.folder = tempfile.TemporaryDirectory(prefix="crm-isolated-")
        keep = ("PATH", "LANG", "LC_ALL", "PYTHONHOME", "VIRTUAL_ENV")
        environment = {k: v for k, v in os.environ.items() if k in keep}
        environment["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)  # the code this process has
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "crm_core.isolate_child", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                env={**environment, "HOME": self.folder.name, "TMPDIR": self.folder.name},
                cwd=self.folder.name,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        ours.setblocking(False)
        self.socket = ours
        self.tasks = 0

    async def call(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send one request and wait for its answer; ProcessDied when the child closes its end."""
        loop = asyncio.get_running_loop()
        body = msgspec.msgpack.encode(request)
        try:
            await loop.sock_sendall(self.socket, len(body).to_bytes(8, "big") + body)
            size = int.from_bytes(await self._receive(loop, 8), "big")
            answer: dict[str, Any] = msgspec.msgpack.decode(await self._receive(loop, size))
        except ConnectionError as error:
            raise ProcessDied("the process ended without an answer") from error
        self.tasks += 1
        return answer

    async def _receive(self, loop: asyncio.AbstractEventLoop, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = await loop.sock_recv(self.socket, min(1 << 20, size - len(parts)))
            if not part:
                raise ConnectionResetError
            parts += part
        return bytes(parts)

    def kill(self) -> None:
        """End the process at once and remove its folder."""
        self.process.kill()
        self.process.wait()
        self.socket.close()
        self.folder.cleanup()


class Pool:
    """A few warm children; one that crashed, overran or is worn out is replaced."""

    def __init__(self) -> None:
        self.room = asyncio.Semaphore(CHILDREN)
        self.idle: list[Child] = []
        self.end = weakref.finalize(self, _kill_all, self.idle)

    async def run(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Run one request in a child of its own for that time."""
        async with self.room:
            child = self.idle.pop() if self.idle else None
            if child is None or child.process.poll() is not None:
                child = await self._fresh(child)
            try:
                async with asyncio.timeout(seconds):
                    answer = await child.call(request)
            except TimeoutError as error:
                child.kill()
                raise TookTooLong(f"did not end within {seconds:g} s") from error
            except BaseException:
                child.kill()
                raise
            if child.tasks >= TASKS_PER_CHILD or answer.get("worn"):
                child.kill()
            else:
                self.idle.append(child)
            return answer

    async def _fresh(self, dead: Child | None) -> Child:
        if dead is not None:
            dead.kill()
        child = Child()
        try:
            async with asyncio.timeout(START_SECONDS):
                await child.call({"fn": "", "data": None, "seconds": 0, "megabytes": 0})
        except BaseException:
            child.kill()
            raise
        child.tasks = 0
        return child


def _kill_all(children: list[Child]) -> None:
    while children:
        with contextlib.suppress(OSError):
            children.pop().kill()


# One pool per event loop: sockets belong to a loop. The children hold no state worth sharing.
_pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Pool] = weakref.WeakKeyDictionary()


async def run_in_process(fn: Callable[[Any], Any], data: Any, seconds: float, megabytes: int) -> Any:
    """Return `fn(data)`, run in a process without database and network.

    seconds: of wall clock, and of processor time. megabytes: beyond what the interpreter itself takes.
    Raises TookTooLong, OutOfMemory, ProcessDied, IsolatedFailure with the type and text of what `fn`
    raised; RuntimeError inside a transaction that has written; ValueError unless `fn` is at module level.
    """
    outside_transaction("run_in_process()")
    if "<" in fn.__qualname__ or "." in fn.__qualname__ or fn.__module__ == "__main__":
        raise ValueError(f"{fn.__qualname__} is not a function at module level")
    pool = _pools.setdefault(asyncio.get_running_loop(), Pool())
    name = f"{fn.__module__}:{fn.__qualname__}"
    answer = await pool.run({"fn": name, "data": data, "seconds": seconds, "megabytes": megabytes}, seconds)
    if "error" not in answer:
        return answer["value"]
    raise (OutOfMemory if answer["kind"] == "MemoryError" else IsolatedFailure)(answer["error"])


async def close_pool() -> None:
    """End this loop's children; they end by themselves when the process does."""
    pool = _pools.pop(asyncio.get_running_loop(), None)
    if pool is not None:
        pool.end()
