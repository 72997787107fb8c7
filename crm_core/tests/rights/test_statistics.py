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
    await refreshed(kernel, jobs)  # a night before there was much: what was known then must not stay
    entity = kernel.registry.entity("core.company")
    async with kernel.write(system("test")) as uow:
        rows = [{"id": new_id(), "name": f"Company {n}", "owner_id": rep.id} for n in range(600)]
        await uow.session.execute(sa.insert(entity.model), rows)
    assert "TEMP B-TREE" in await plan(kernel, rep.id)
    await refreshed(kernel, jobs)
    assert "TEMP B-TREE" not in await plan(kernel, rep.id), "connections that were open know too"


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_statistics_are_made_anew_when_a_table_has_outgrown_them(kernel: Kernel, jobs: Any) -> None:
    kernel.db.write_limit = None

    async def known() -> int | None:
        async with kernel.write(system("test")) as uow:
            await uow.enqueue(RefreshStatistics(if_grown=True))
        await jobs()
        async with kernel.db.read.connect() as connection:
            if not await connection.scalar(sa.text("select 1 from sqlite_master where name = 'sqlite_stat1'")):
                return None
            told = await connection.scalar(sa.text("select max(stat) from sqlite_stat1 where tbl = 'core_company'"))
            return int(str(told).split()[0])

    async def add(count: int) -> None:
        async with kernel.write(system("test")) as uow:
            rows = [{"id": new_id(), "name": f"Company {n}"} for n in range(count)]
            await uow.session.execute(sa.insert(kernel.registry.entity("core.company").model), rows)

    assert await known() is None, "nothing to know about small tables"
    await add(300)
    assert await known() == 300
    await add(200)
    assert await known() == 300, "not much more than was known"
    await add(200)
    assert await known() == 700


async def refreshed(kernel: Kernel, jobs: Any) -> None:
    """Do what is done every night."""
    async with kernel.write(system("test")) as uow:
        await uow.enqueue(RefreshStatistics())
    await jobs()


async def plan(kernel: Kernel, user: UUID) -> str:
    """Return how SQLite reads the first page of companies by name."""
    entity, actor = kernel.registry.entity("core.company"), await load_actor(kernel, user)
    table = access.table_of(entity)
    page = sa.select(table.c.id).where(access.rows(kernel.registry, actor, entity, "read"), table.c.name_f > "")
    made = page.order_by(table.c.name_f, table.c.id).limit(50).compile(dialect=kernel.db.read.dialect)
    async with kernel.read(system("test")) as uow:
        # Only running a statement looks whether the schema changed; planning one does not.
        await uow.session.execute(sa.select(table.c.id).limit(1))
        told = f"explain query plan {made} -- {new_id()}"  # an `explain` that is kept ready never looks again
        raw = await (await uow.session.connection()).exec_driver_sql(told, _arguments(made))
        return "\n".join(str(row[-1]) for row in raw)


def _arguments(made: Any) -> tuple[Any, ...]:
    return tuple(v.bytes if isinstance(v, UUID) else v for v in (made.params[n] for n in made.positiontup))
