"""Offices: what one process at a time does, such as numbering events or feeding a sink."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.jobs.statements import clock, dialect_of
from crm_core.jobs.tables import LEASES

lease = LEASES.c


async def hold(connection: AsyncConnection, name: str, holder: UUID, seconds: float) -> bool:
    """Take or extend an office in this transaction; False while another holds it.

    Its row stays locked until the end of the transaction: two that both believe to hold it follow each other.
    """
    insert = (postgresql if dialect_of(connection) == "postgresql" else sqlite).insert(LEASES)
    until = clock(connection, seconds)
    taken = await connection.execute(
        insert.values(name=name, holder=holder, until=until)
        .on_conflict_do_update(
            index_elements=["name"],
            set_={"holder": holder, "until": until},
            where=sa.or_(lease.holder == holder, lease.until < clock(connection)),
        )
        .returning(lease.name)
    )
    return taken.first() is not None


async def leave(connection: AsyncConnection, name: str, holder: UUID) -> None:
    """Give an office back, so that the next need not wait for its end."""
    await connection.execute(sa.delete(LEASES).where(lease.name == name, lease.holder == holder))
