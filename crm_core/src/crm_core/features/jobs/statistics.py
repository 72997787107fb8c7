"""What SQLite's planner knows about the tables; PostgreSQL looks after its own."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.jobs.context import JobContext
from crm_core.plugin import JobCall

SAMPLE = 1000  # rows looked at in an index: the write lock is held for some milliseconds
SMALL = 200  # rows up to which a table is read the same way whatever the planner knows
GROWN = 2  # times as many rows as the planner was told of


class RefreshStatistics(JobCall, frozen=True, kw_only=True):
    """Let the planner know how many rows a value has: without it, one owner's list sorts all that owner has.

    if_grown: only when a table has many more rows than the planner knows of, as after an import.
    """

    if_grown: bool = False


async def refresh_statistics(context: JobContext, call: RefreshStatistics) -> None:
    """Look at a sample of every index; from now on all connections plan by it."""
    db = context.kernel.db
    if not db.sqlite:
        return
    if call.if_grown:
        async with db.read.connect() as connection:
            if not await grown(connection):
                return
    async with db.write.begin() as connection:
        await connection.execute(sa.text(f"pragma analysis_limit={SAMPLE}"))
        # Made anew, the table changes the schema: only then do connections that are open read what it says.
        await connection.execute(sa.text("drop table if exists sqlite_stat1"))
        await connection.execute(sa.text("analyze"))


async def grown(connection: AsyncConnection) -> bool:
    """Return whether some table outgrew what the planner knows; costs a look at the last row of each table."""
    listed = "select name from pragma_table_list where schema = 'main' and type = 'table' and not wr"
    tables = (await connection.execute(sa.text(f"{listed} and name not like 'sqlite_%'"))).scalars().all()
    known: dict[str, int] = {}
    if await connection.scalar(sa.text("select 1 from sqlite_master where name = 'sqlite_stat1'")):
        rows = await connection.execute(sa.text("select tbl, stat from sqlite_stat1"))
        known = {table: int(told.split()[0]) for table, told in rows}
    for table in tables:
        last = await connection.scalar(sa.text(f'select max(rowid) from "{table}"')) or 0  # noqa: S608 - its own tables
        if last > SMALL and last > GROWN * known.get(table, 0):
            return True
    return False
