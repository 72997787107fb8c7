"""Where processes end: functions of the product are wrapped in the test's processes, the product knows nothing of it.

A job says at which step its process dies (`die` in its call), a request is told by a file `order`. Each kills one
process, once: the marker in the folder is made exclusively before the signal, and holds step and time of the kill.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from crm_core.db import writes
from crm_core.entity import tail
from crm_core.features.sinks import jsonl
from crm_core.jobs import execute, leases, rows, sinks, transport

from crm_core import blobs
from crm_kills.jobs import NotYet

ORDER, ASK, HELD = "order", "ask", "held"
"""Files in the folder: the kill that is wanted; that a worker looks a job up before it marks it as begun; which process
took and let go of which job."""
JOB_STEPS = ("before effect", "before commit", "before ack", "in back-off")
DISPATCH_STEPS = ("after claim", "after hand-over", "before mark")
WEB_STEPS: dict[str, tuple[str, ...]] = {
    "before commit": ("commit",),
    "after commit, before the answer": ("committed",),
    "streaming upload": ("receiving", "storing"),
    "blob and job row write": ("unnamed blob", "blob without row", "half of the rows"),
    "during the answer": ("answering",),
}
SINK_STEPS = ("sink before send", "sink half a line", "sink before position")

_folder = Path()
_doing: ContextVar[Doing | None] = ContextVar("doing", default=None)


class Doing:
    """The job a task runs, and how many transactions it has ended."""

    def __init__(self, claimed: rows.Claimed) -> None:
        self.number: int = claimed.args.get("number", -1)
        self.die: str = claimed.args.get("die", "")
        self.at = 2 if claimed.kind == "kills.parts" else 1  # of several transactions, the second
        self.transactions = 0


def use(folder: Path) -> None:
    """Keep markers and orders of this process in a folder."""
    global _folder
    _folder = folder
    folder.mkdir(parents=True, exist_ok=True)


def struck(folder: Path, number: int) -> bool:
    """Return whether the process of this number was killed."""
    return (folder / str(number)).exists()


def kills(folder: Path) -> dict[int, tuple[str, float]]:
    """Return step and time of each kill by number."""
    return {number: (step, at) for number, step, _pid, at in _deaths(folder)}


def cut_off(folder: Path) -> dict[int, float]:
    """Return when a process that held a job was killed last, by the job's number: for its own sake or another one's."""
    found: dict[int, float] = {}
    holding: dict[int, set[int]] = {}
    with contextlib.suppress(FileNotFoundError):
        for line in (folder / HELD).read_text().splitlines():
            sign, number, pid = line.split()
            held = holding.setdefault(int(pid), set())
            held.add(int(number)) if sign == "+" else held.discard(int(number))
    for number, _step, pid, at in _deaths(folder):
        for cut in {number} | holding.get(pid, set()):
            found[cut] = max(at, found.get(cut, 0.0))
    return found


def _deaths(folder: Path) -> list[tuple[int, str, int, float]]:
    """Return number, step, process and time of each kill."""
    markers = [(int(marker.name), marker.read_text().rsplit(" ", 2)) for marker in folder.glob("[0-9]*")]
    return [(number, step, int(pid), float(at)) for number, (step, pid, at) in markers]


def hold(sign: str, number: int) -> None:
    """Note that this process takes (+) a job or lets go of it (-)."""
    note = os.open(_folder / HELD, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(note, f"{sign} {number} {os.getpid()}\n".encode())
    os.close(note)


def strike(step: str, number: int) -> None:
    """Kill this process, unless one was killed for this number before."""
    with contextlib.suppress(FileExistsError):
        marker = os.open(_folder / str(number), os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        os.write(marker, f"{step} {os.getpid()} {time.time()}".encode())
        os.kill(os.getpid(), signal.SIGKILL)


def strike_job(step: str) -> None:
    """Kill this process if the running job is to die at this step."""
    doing = _doing.get()
    if doing is not None and doing.die == step:
        strike(step, doing.number)


def ordered(point: str) -> bool:
    """Return whether a kill was ordered at this point, taking the order."""
    order = _folder / ORDER
    with contextlib.suppress(FileNotFoundError):
        return order.read_text() == point
    return False


def strike_request(point: str) -> None:
    """Kill this process if that was ordered."""
    if ordered(point):
        os.unlink(_folder / ORDER)
        os.kill(os.getpid(), signal.SIGKILL)


def order(folder: Path, point: str) -> None:
    """Have the next process that reaches a point killed."""
    making = folder / "making"
    making.write_text(point)
    making.rename(folder / ORDER)


def install() -> None:
    """Wrap what every process shares; once, before the first fork."""
    _jobs()
    _transactions()
    _dispatch()
    _store()
    _sinks()


def _jobs() -> None:
    run, attempt, put_back = execute._run, execute.execute, execute._put_back

    async def executed(kernel: Any, claimed: rows.Claimed, pace: Any) -> None:
        doing = Doing(claimed)
        _doing.set(doing)
        hold("+", doing.number)
        await attempt(kernel, claimed, pace)
        hold("-", doing.number)

    async def running(job: Any, context: Any, call: Any) -> None:
        strike_job("before effect")
        doing = _doing.get()
        if doing is not None and doing.die == "in back-off" and not struck(_folder, doing.number):
            raise NotYet
        await run(job, context, call)

    async def putting_back(*given: Any, **named: Any) -> None:
        await put_back(*given, **named)
        strike_job("in back-off")

    execute._run, leases.execute, execute._put_back = running, executed, putting_back  # type: ignore[attr-defined]


def _transactions() -> None:
    write_tail, write_rows = tail.write, writes.write

    async def written(uow: Any) -> None:
        doing = _doing.get()
        if doing is not None:
            doing.transactions += 1
            if doing.transactions == doing.at:
                strike_job("before commit")
        await write_tail(uow)
        if doing is not None and doing.transactions == doing.at:
            strike_job("before ack")
        if doing is None:
            strike_request("committed")

    async def rows_written(db: Any, session: Any, batches: Any) -> None:
        if ordered("half of the rows"):
            await write_rows(db, session, [b for b in batches if b.table.name != "core_job"])
            strike_request("half of the rows")
        await write_rows(db, session, batches)
        strike_request("commit")

    tail.write, writes.write = written, rows_written


def _dispatch() -> None:
    claim, push, start = transport.claim, transport.WorkerLoop._push, transport.WorkerLoop._start

    def look(step: str, taken: Any) -> None:
        for claimed in taken:
            if claimed.args.get("die") == step:
                strike(step, claimed.args["number"])

    async def claiming(*given: Any, **named: Any) -> Any:
        taken = await claim(*given, **named)
        for claimed in taken:
            hold("+", Doing(claimed).number)
        look("after claim", taken)
        return taken

    async def pushing(self: Any, taken: Any) -> None:
        await push(self, taken)
        for claimed in taken:
            hold("-", Doing(claimed).number)
        look("after hand-over", taken)

    async def starting(self: Any, job_id: Any, token: Any) -> None:
        if (_folder / ASK).exists():
            async with self.kernel.db.read.connect() as connection:
                args = await connection.scalar(sa.select(rows.job.args).where(rows.job.id == job_id))
            if args and args.get("die") == "before mark":
                strike("before mark", args["number"])
        await start(self, job_id, token)

    transport.claim = claiming  # type: ignore[attr-defined]
    transport.WorkerLoop._push, transport.WorkerLoop._start = pushing, starting  # type: ignore[method-assign]


def _store() -> None:
    put, path = blobs.BlobStore.put, blobs.BlobStore.path

    async def half(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        number = 0
        async for chunk in chunks:
            number += 1
            if number == 2:
                strike_request("storing")
            yield chunk

    async def putting(self: Any, chunks: AsyncIterator[bytes]) -> Any:
        blob = await put(self, half(chunks))
        strike_request("blob without row")
        return blob

    def naming(self: Any, sha256: str) -> Path:
        strike_request("unnamed blob")
        return path(self, sha256)

    blobs.BlobStore.put, blobs.BlobStore.path = putting, naming  # type: ignore[method-assign]


def _sinks() -> None:
    send, moved, write = sinks.Sinks._send, sinks.Sinks._moved, jsonl.write

    async def sending(self: Any, sink: Any, batch: Any) -> None:
        if sink.name == jsonl.NAME:
            strike_request("sink before send")
        await send(self, sink, batch)

    async def moving(self: Any, sink: Any, place: Any, to: int) -> bool:
        if sink.name == jsonl.NAME:
            strike_request("sink before position")
        return await moved(self, sink, place, to)

    def writing(file: Any, lines: bytes) -> None:
        if ordered("sink half a line"):
            write(file, lines[: len(lines) - 20])
            strike_request("sink half a line")
        write(file, lines)

    sinks.Sinks._send, sinks.Sinks._moved = sending, moving  # type: ignore[method-assign]
    jsonl.write = writing


def around(app: Any) -> Any:
    """Wrap an ASGI application: the process may end while it receives a body or sends an answer."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        parts = 0

        async def receiving() -> Any:
            nonlocal parts
            message = await receive()
            parts += 1
            if parts == 2:
                strike_request("receiving")
            return message

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.body" and message.get("body") and ordered("answering"):
                body = message["body"]
                await send({**message, "body": body[: len(body) // 2], "more_body": True})
                await asyncio.sleep(0.005)
                strike_request("answering")
            await send(message)

        await app(scope, receiving, sending)

    return wrapped
