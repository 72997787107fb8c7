"""Making the index anew, and the check that counts what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.errors import Concern
from crm_core.features.people.index import BATCH, differences, entities, reindex, remove_orphans
from crm_core.jobs.context import JobContext
from crm_core.plugin import JobCall

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


class RebuildPeople(JobCall, frozen=True, kw_only=True):
    """Make the index of people by address anew, in short transactions."""


async def rebuild(job: JobContext, _call: RebuildPeople) -> None:
    """Bring every record's keys up to date; may run twice."""
    done = differed = 0
    for entity in entities(job.kernel.registry):
        table, after = entity.model.__table__, None
        while True:
            async with job.transaction() as uow:
                query = sa.select(table.c.id).order_by(table.c.id).limit(BATCH)
                ids: list[UUID] = list(await uow.session.scalars(query.where(table.c.id > after) if after else query))
                differed += await reindex(uow, entity, ids)
            done += len(ids)
            await job.progress(done)
            if len(ids) < BATCH:
                break
            after = ids[-1]
        async with job.transaction() as uow:
            differed += await remove_orphans(uow, entity)
    async with job.transaction() as uow:
        await job.finish(uow, {"records": done, "keys": differed})


async def start(uow: UnitOfWork) -> None:
    """Once per installation: make the keys of records that were there before the index, if there are any."""
    for entity in entities(uow.registry):
        if await uow.session.scalar(sa.select(entity.model.id).limit(1)) is not None:
            await uow.enqueue(RebuildPeople(), key="core.people")
            return


async def check(uow: UnitOfWork) -> str:
    """Say how the index is; a Concern counts the keys that differ from the records."""
    found = await differences(uow)
    if found:
        raise Concern(f"{found} keys differ from the records; run `crm people rebuild`")
    return "equal to the records"
