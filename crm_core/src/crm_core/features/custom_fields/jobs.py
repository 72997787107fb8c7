"""Making search rows anew after fields that are searched were added or taken away."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.entity import search
from crm_core.entity.changes import Change
from crm_core.features.custom_fields.schemas import IndexRecords
from crm_core.jobs.context import JobContext

CHUNK = 200  # records in one transaction


async def index_records(context: JobContext, call: IndexRecords) -> None:
    """Write the search rows of an entity's records, in order of their ids. May run twice without harm."""
    after, done = UUID(int=0), 0
    while True:
        async with context.transaction() as uow:
            entity = uow.registry.entities.get(call.entity)
            if entity is None:
                return
            model: Any = entity.model
            wanted = sa.select(model).where(model.id > after, model.deleted_at.is_(None)).order_by(model.id)
            records = list(await uow.session.scalars(wanted.limit(CHUNK)))
            rows = await search.documents(uow, [Change(entity, r.id, "restored", record=r) for r in records])
            if rows:
                await search.put(uow, rows)
        if len(records) < CHUNK:
            break
        after, done = records[-1].id, done + len(records)
        await context.progress(done, done)
