"""The statements that are run for each job, built once: building one costs as much as running it."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.db.types import Id, Json, UTCDateTime, utcnow
from crm_core.jobs.tables import JOBS

Connection = AsyncConnection | AsyncSession

# Literals, not parameters: both planners use a partial index only when they can see its condition.
PENDING: sa.ColumnClause[str] = sa.literal_column("'pending'")
RUNNING: sa.ColumnClause[str] = sa.literal_column("'running'")

job = JOBS.c
COLUMNS = (
    job.id, job.kind, job.args, job.attempts, job.key, job.due_at, job.late, job.actor, job.user_id, job.cause,
    job.token, job.queue, job.lane, job.run_at,
)  # fmt: skip


def clock(connection: Connection, seconds: float = 0.0) -> sa.ColumnElement[Any]:
    """Return the SQL for now plus `seconds`."""
    if dialect_of(connection) == "postgresql":
        return _from_now(sa.literal(seconds, sa.Float()))
    return sa.literal(utcnow() + timedelta(seconds=seconds), UTCDateTime())


def dialect_of(connection: Connection) -> str:
    return (connection.get_bind() if isinstance(connection, AsyncSession) else connection).dialect.name


def _from_now(seconds: sa.ColumnElement[float]) -> sa.ColumnElement[Any]:
    # The statement's time: stable within it, so that an index on a time can be used.
    return sa.func.statement_timestamp() + sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def _claimable(now: sa.ColumnElement[Any], kinds: tuple[str, ...]) -> sa.ColumnElement[bool]:
    """Return the condition of a job this process may take.

    In a lane a job waits for those ahead of it, but only for kinds this process knows: a job whose plugin is
    absent, like a parked one, does not hold its lane. It runs, out of its turn, once its plugin is back. The
    price: while processes of two versions run side by side, the older one may run a lane's later jobs before
    one that only the newer knows. That two of a lane never run at once holds in any case.
    """
    other = sa.alias(JOBS, "other")
    earlier = sa.tuple_(other.c.due_at, other.c.id) < sa.tuple_(job.due_at, job.id)
    ahead = sa.exists().where(other.c.lane == job.lane, other.c.state == PENDING, other.c.kind.in_(kinds), earlier)
    running = sa.exists().where(other.c.lane == job.lane, other.c.state == RUNNING)
    return sa.and_(
        job.state == PENDING, job.run_at <= now, sa.or_(job.lane.is_(None), sa.not_(running) & sa.not_(ahead))
    )


def lease_end(dialect: str) -> sa.ColumnElement[Any]:
    """Return the SQL for the end of a lease; its parameter is given by `lease_parameter`."""
    if dialect == "postgresql":
        return _from_now(sa.bindparam("p_lease", type_=sa.Float()))
    return sa.bindparam("p_lease", type_=UTCDateTime())


def lease_parameter(dialect: str, seconds: float) -> dict[str, Any]:
    return {"p_lease": seconds if dialect == "postgresql" else utcnow() + timedelta(seconds=seconds)}


@lru_cache(maxsize=64)
def claim_statement(dialect: str, kinds: tuple[str, ...]) -> Any:
    now: Any = sa.bindparam("p_now", type_=UTCDateTime())
    if dialect == "postgresql":
        now = sa.func.coalesce(now, sa.func.statement_timestamp())
    pick = (
        sa.select(job.id)
        .where(_claimable(now, kinds), job.kind.in_(kinds))
        .order_by(job.run_at, job.id)
        .limit(sa.bindparam("p_limit", type_=sa.Integer()))
        .with_for_update(skip_locked=True)
        .cte("pick")
    )
    return (
        sa.update(JOBS)
        .where(job.id.in_(sa.select(pick.c.id)))
        .values(
            state="running",
            token=sa.bindparam("p_token", type_=Id()),
            lease_until=lease_end(dialect),
            attempts=job.attempts + sa.bindparam("p_counts", type_=sa.Integer()),
        )
        .returning(*COLUMNS)
    )


@lru_cache(maxsize=2)
def start_statement(dialect: str) -> Any:
    return (
        sa.update(JOBS)
        .where(*MINE)
        .values(attempts=job.attempts + 1, lease_until=lease_end(dialect))
        .returning(*COLUMNS)
    )


MINE = (
    job.id == sa.bindparam("p_id", type_=Id()),
    job.token == sa.bindparam("p_token", type_=Id()),
    job.state == RUNNING,
)
FINISH = (
    sa.update(JOBS)
    .where(*MINE)
    .values(
        state=sa.bindparam("p_state", type_=sa.String()),
        lease_until=None,
        token=None,
        held_key=sa.bindparam("p_kept", type_=sa.String()),
        finished_at=sa.bindparam("p_at", type_=UTCDateTime()),
        result=sa.bindparam("p_result", type_=Json()),
        error=sa.bindparam("p_error", type_=sa.Text()),
    )
)
