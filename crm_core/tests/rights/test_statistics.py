"""SQLite's planner is told how many rows an owner has, so that a list under rights walks its sort key."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.rights import load_actor
from crm_core.db.types import new_id
from crm_core.entity import access
from crm_core.features.jobs.statistics import RefreshStatistics
from crm_core.kernel import Kernel
from crm_core.testing.people import People


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_list_of_ones_own_records_follows_its_sort_key(kernel: Kernel, as_user: People, jobs: Any) -> None:
    rep = await as_user("sales", "rep")
    kernel.db.write_limit = None
    entity = kernel.registry.entity("core.company")
    async with kernel.write(system("test")) as uow:
        rows = [{"id": new_id(), "name": f"Company {n}", "owner_id": rep.id} for n in range(600)]
        await uow.session.execute(sa.insert(entity.model), rows)
    assert "TEMP B-TREE" in await plan(kernel, rep.id)
    async with kernel.write(system("test")) as uow:
        await uow.enqueue(RefreshStatistics())
    await jobs()
    await kernel.db.read.dispose()  # connections opened from now on know
    assert "TEMP B-TREE" not in await plan(kernel, rep.id)


async def plan(kernel: Kernel, user: UUID) -> str:
    """Return how SQLite reads the first page of companies by name."""
    entity, actor = kernel.registry.entity("core.company"), await load_actor(kernel, user)
    table = access.table_of(entity)
    page = sa.select(table.c.id).where(access.rows(kernel.registry, actor, entity, "read"), table.c.name_f > "")
    made = page.order_by(table.c.name_f, table.c.id).limit(50).compile(dialect=kernel.db.read.dialect)
    async with kernel.read(system("test")) as uow:
        raw = await (await uow.session.connection()).exec_driver_sql(f"explain query plan {made}", _arguments(made))
        return "\n".join(str(row[-1]) for row in raw)


def _arguments(made: Any) -> tuple[Any, ...]:
    return tuple(v.bytes if isinstance(v, UUID) else v for v in (made.params[n] for n in made.positiontup))
