"""The test jobs. Effects go to a table `faults_effect(number, attempt, at)` that the tests make."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import msgspec
import sqlalchemy as sa
from crm_core.errors import RetryJob
from crm_core.jobs.context import JobContext
from crm_core.uow import UnitOfWork

from crm_faults import schemas

DDL = """create table if not exists faults_effect
(number integer not null, attempt integer not null, at double precision not null)"""
INSERT = sa.text("insert into faults_effect (number, attempt, at) values (:number, :attempt, :at)")


async def effect(uow: UnitOfWork, number: int, attempt: int = 1) -> None:
    """Leave a row; `at` is the wall clock in seconds."""
    uow.session.sync_session.info["hold"].mark()  # a text statement does not say that it writes
    await uow.session.execute(INSERT, {"number": number, "attempt": attempt, "at": time.time()})


async def leave(job: JobContext, call: schemas.Leave) -> None:
    if call.seconds:
        await asyncio.sleep(call.seconds)
    async with job.transaction() as uow:
        await effect(uow, call.number, job.attempt)
        await job.finish(uow)


async def leave_unfinished(job: JobContext, call: schemas.LeaveUnfinished) -> None:
    async with job.transaction() as uow:
        await effect(uow, call.number, job.attempt)


async def fail(job: JobContext, call: schemas.Fail) -> None:
    raise ValueError("this never works")


async def fail_once(job: JobContext, call: schemas.FailOnce) -> None:
    if job.attempt == 1:
        raise ValueError("not yet")
    await leave(job, schemas.Leave(number=call.number))


async def later(job: JobContext, call: schemas.Later) -> None:
    async with job.reading() as uow:
        found = await uow.session.scalar(
            sa.text("select count(*) from faults_effect where number = :n"), {"n": call.number}
        )
    if not found:
        raise RetryJob(call.delay)


async def die(job: JobContext, call: schemas.Die) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def hang(job: JobContext, call: schemas.Hang) -> None:
    await asyncio.sleep(call.seconds)


async def count(job: JobContext, call: schemas.Count) -> None:
    for number in range(1, call.total + 1):
        await asyncio.sleep(0.05)
        await job.progress(number, call.total, note=f"row {number}")


def square(data: bytes) -> bytes:
    call = msgspec.json.decode(data, type=schemas.Square)
    return msgspec.json.encode({"square": call.number**2, "process": os.getpid()})


async def tick(job: JobContext, call: schemas.Tick) -> None:
    async with job.transaction() as uow:
        await effect(uow, int(job.due_at.timestamp()), job.attempt)
        await job.finish(uow, result={"late": job.late})
