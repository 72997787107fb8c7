"""A kernel with the table of effects, and short ways to look at both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.jobs import rows
from crm_core.jobs.execute import Pace
from crm_core.kernel import Kernel
from crm_core.uow import UnitOfWork

QUICK = Pace(concurrent=4, lease=2.0, poll=0.1, back_off=0.05, grace=0.5)


class World:
    """A kernel with the table of effects, and short ways to look at both."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    @asynccontextmanager
    async def write(self) -> AsyncIterator[UnitOfWork]:
        async with self.kernel.write(system("test")) as uow:
            yield uow

    async def enqueue(self, *calls: Any, **options: Any) -> list[Any]:
        async with self.write() as uow:
            return [await uow.enqueue(call, **options) for call in calls]

    async def job(self, job_id: Any) -> Any:
        async with self.kernel.db.read.connect() as connection:
            return (await connection.execute(sa.select(rows.JobRow.__table__).where(rows.job.id == job_id))).one()

    async def jobs(self) -> list[Any]:
        async with self.kernel.db.read.connect() as connection:
            return list(await connection.execute(sa.select(rows.JobRow.__table__).order_by(rows.job.id)))

    async def effects(self) -> list[int]:
        async with self.kernel.db.read.connect() as connection:
            return list(await connection.scalars(sa.text("select number from faults_effect order by at, number")))

    async def change(self, job_id: Any, **values: Any) -> None:
        async with self.kernel.db.write.begin() as connection:
            await connection.execute(sa.update(rows.JobRow.__table__).where(rows.job.id == job_id).values(**values))
