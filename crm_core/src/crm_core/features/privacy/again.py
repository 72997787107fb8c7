"""Erasing again, after a restore, who was erased since the backup was made."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.actor import system
from crm_core.config import Config
from crm_core.db.model import metadata
from crm_core.features.privacy.actions import begin, erase_now
from crm_core.features.privacy.models import Erasure
from crm_core.features.privacy.stores import remember, remembered
from crm_core.plugin import Ref

if TYPE_CHECKING:
    from crm_core.features.privacy.schemas import ReapplyErasures
    from crm_core.kernel import Kernel
    from crm_core.plugin.jobs import JobContext
    from crm_core.uow import UnitOfWork

AT_ONCE = 500


async def came_back(uow: UnitOfWork) -> list[tuple[list[Ref], str]]:
    """Return the persons noted as erased of whom this database has records and no receipt."""
    noted = await asyncio.to_thread(remembered, uow.kernel.config.folder)
    done: set[UUID] = set()
    for start in range(0, len(noted), AT_ONCE):
        firsts = [refs[0].id for refs, _reason in noted[start : start + AT_ONCE]]
        done.update(await uow.session.scalars(sa.select(Erasure.record_id).where(Erasure.record_id.in_(firsts))))
    found = []
    for refs, reason in noted:
        if refs[0].id not in done and (there := [r for r in refs if await _is_there(uow, r)]):
            found.append((refs if refs[0] in there else [refs[0], *there], reason))
    return found


async def _is_there(uow: UnitOfWork, ref: Ref) -> bool:
    entity = uow.registry.entities.get(ref.entity)
    if entity is None:
        return False
    table: Any = entity.model.__table__
    return await uow.session.scalar(sa.select(table.c.id).where(table.c.id == ref.id)) is not None


async def reapply(kernel: Kernel, *, now: bool = False) -> int:
    """Begin again the erasures of persons who came back; return their number. now: do them before returning."""
    async with kernel.read(system("privacy")) as uow:
        returned = await came_back(uow)
    for refs, reason in returned:
        async with kernel.write(system("privacy")) as uow:
            receipt = await begin(uow, refs, reason)
        if now:
            await erase_now(kernel, receipt)
    return len(returned)


async def reapply_job(job: JobContext, call: ReapplyErasures) -> None:
    """Begin again what a restore brought back; a restore does so by itself, unless it was cut off."""
    await reapply(job.kernel)


async def note_receipts(config: Config) -> int:
    """Before a database is replaced, note beside it whom its receipts call erased; return how many receipts.

    Another machine may have erased them, and noted them in its own folder.
    """
    from crm_core.db import migrate

    receipts = metadata.tables["core_erasure"]
    async with migrate.connected(config.database_url) as connection:
        there = await connection.run_sync(lambda c: receipts.name in sa.inspect(c).get_table_names())
        columns = (receipts.c.entity, receipts.c.record_id, receipts.c.reason, receipts.c.kept)
        rows = (await connection.execute(sa.select(*columns))).all() if there else []
    for row in rows:
        persons = (row.kept or {}).get("records", {}).get("ids") or [str(Ref(row.entity, row.record_id))]
        await asyncio.to_thread(remember, config.folder, persons, row.reason)
    return len(rows)
