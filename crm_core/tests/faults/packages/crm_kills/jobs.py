"""The jobs that are killed. Effects go to `kills_effect(number, part, at)`, which the tests make."""

from __future__ import annotations

import time

import msgspec
import sqlalchemy as sa
from crm_core.jobs.context import JobContext
from crm_core.uow import UnitOfWork

from crm_kills import schemas

DDL = "create table if not exists kills_effect (number integer not null, part integer not null, at double precision)"
INSERT = sa.text("insert into kills_effect (number, part, at) values (:number, :part, :at)")
PARTS = sa.text("select part from kills_effect where number = :number")
FAILURES = 2


class NotYet(ValueError):
    """What a job raises that is to be tried again."""


async def effect(uow: UnitOfWork, number: int, part: int = 0) -> None:
    """Leave a row; no key forbids a second one. `at` is the wall clock in seconds."""
    uow.session.sync_session.info["hold"].mark()  # a text statement does not say that it writes
    await uow.session.execute(INSERT, {"number": number, "part": part, "at": time.time()})


async def leave(job: JobContext, call: schemas.Leave) -> None:
    async with job.transaction() as uow:
        await effect(uow, call.number)
        await job.finish(uow)


async def retry(job: JobContext, call: schemas.Retry) -> None:
    if job.attempt <= FAILURES:
        raise NotYet
    await leave(job, schemas.Leave(number=call.number))


async def parts(job: JobContext, call: schemas.Parts) -> None:
    for part in range(call.parts):
        async with job.transaction() as uow:
            done = set(await uow.session.scalars(PARTS, {"number": call.number}))
            if part not in done:
                await effect(uow, call.number, part)
            if part == call.parts - 1:
                await job.finish(uow)
        if part < call.parts - 1:
            await job.progress(part + 1, call.parts)


def square(data: bytes) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(data, type=schemas.Square).number ** 2)
