"""Every statement that changes a job's state.

States: pending → running → done | dead | cancelled, back to pending on failure; parked when this
installation cannot run it at present (code or arguments do not fit). Whoever claims a job gets a token;
each later statement names it, so a process that lost its lease can no longer change anything.
On PostgreSQL leases follow the database's clock, for hosts differ; on SQLite there is one host.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from crm_core.db.types import UTCDateTime, utcnow
from crm_core.i18n import Strings
from crm_core.jobs.errors import JobEnded, JobKeepsItsKey, JobKeyTaken, JobNotDead, LeaseLost
from crm_core.jobs.statements import (
    FINISH,
    PENDING,
    RUNNING,
    Connection,
    claim_statement,
    clock,
    dialect_of,
    job,
    lease_parameter,
    start_statement,
)
from crm_core.jobs.tables import JOBS, SCHEDULES, JobRow, Lease, ScheduleRow

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")

MOST_REAPED = 500
STOPPED = ("dead", "parked", "cancelled")
"""States a job leaves only when a person says so, or, parked, at the next start."""
SCATTER_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job this process may run for as long as its lease holds; fields as in `JobRow`."""

    id: UUID
    kind: str
    args: dict[str, Any]
    attempts: int
    key: str | None
    due_at: datetime
    late: bool
    actor: str
    user_id: UUID | None
    cause: UUID | None
    token: UUID
    queue: str
    lane: str | None
    run_at: datetime


async def claim(
    connection: Connection,
    kinds: Sequence[str],
    limit: int,
    lease: float,
    *,
    until: datetime | None = None,
    counts: bool = True,
) -> list[Claimed]:
    """Take up to `limit` due jobs of `kinds` for `lease` seconds, oldest first, one per lane.

    Jobs of other kinds, and parked ones, do not hold a lane; see `statements`.

    until: take jobs due by then instead of by now. counts: as an attempt; if not, `start` does it.
    """
    dialect = dialect_of(connection)
    now = utcnow() if until is None and dialect != "postgresql" else until
    taken = await connection.execute(
        claim_statement(dialect, tuple(kinds)),
        {
            "p_now": now,
            "p_limit": limit,
            "p_token": uuid4(),
            "p_counts": int(counts),
            **lease_parameter(dialect, lease),
        },
    )
    return sorted((Claimed(*row) for row in taken), key=lambda c: (c.run_at, c.id))


async def start(connection: Connection, job_id: UUID, token: UUID, lease: float) -> Claimed | None:
    """Begin an attempt at a job handed over with its token; None when the token is not the row's (any more)."""
    dialect = dialect_of(connection)
    begun = await connection.execute(
        start_statement(dialect), {"p_id": job_id, "p_token": token, **lease_parameter(dialect, lease)}
    )
    row = begun.first()
    return Claimed(*row) if row else None


async def reap(connection: Connection) -> int:
    """Give jobs whose lease ran out back, or end them when it was their last attempt; return how many.

    They come back scattered, the more so the more often it happened: else a job that kills its process
    would meet the same innocent neighbours at each attempt and take them along.
    """
    lost = (
        sa.select(job.id, job.token, job.attempts, job.max_attempts)
        .where(job.state == RUNNING, job.lease_until < clock(connection))
        .limit(MOST_REAPED)
        .with_for_update(skip_locked=True)
    )
    found = (await connection.execute(lost)).all()
    for job_id, token, attempts, most in found:
        back: dict[str, Any] = {
            "state": "pending",
            "run_at": clock(connection, random.uniform(0, SCATTER_SECONDS * 2**attempts)),  # noqa: S311 - no secret
        }
        if attempts >= most:
            text = "the process that ran it ended or stopped answering"
            back = {"state": "dead", "held_key": _kept_key(), "finished_at": utcnow(), "error": text}
        await connection.execute(
            sa.update(JOBS)
            .where(job.id == job_id, job.token == token, job.state == RUNNING)
            .values(token=None, lease_until=None, **back)
        )
    return len(found)


def _kept_key() -> sa.ColumnElement[Any]:
    return sa.case((job.held_key.like("once:%"), job.held_key), else_=None)


def _mine(claimed: Claimed) -> tuple[sa.ColumnElement[bool], ...]:
    return (job.id == claimed.id, job.token == claimed.token, job.state == RUNNING)


async def renew(connection: Connection, held: Sequence[Claimed], lease: float) -> set[UUID]:
    """Extend the leases of `held`; return the ids still held."""
    if not held:
        return set()
    kept = await connection.execute(
        sa.update(JOBS)
        .where(job.id.in_([c.id for c in held]), job.token.in_({c.token for c in held}), job.state == RUNNING)
        .values(lease_until=clock(connection, lease))
        .returning(job.id)
    )
    return set(kept.scalars())


async def finish(
    connection: Connection, claimed: Claimed, state: str = "done", *, result: Any = None, error: str | None = None
) -> None:
    """End a job in the caller's transaction, freeing its key; LeaseLost when the token is not the row's any more."""
    kept = claimed.key if claimed.key and claimed.key.startswith("once:") else None
    changed = await connection.execute(
        FINISH,
        {
            "p_id": claimed.id, "p_token": claimed.token, "p_state": state, "p_kept": kept, "p_at": utcnow(),
            "p_result": result, "p_error": error,
        },
    )  # fmt: skip
    if changed.rowcount != 1:  # type: ignore[attr-defined]  # a cursor result
        raise LeaseLost(f"job {claimed.id} is no longer ours")


async def put_back(
    connection: Connection, claimed: Claimed, delay: float | None, *, counts: bool, **values: Any
) -> bool:
    """Make a job pending again in `delay` seconds, or where it was; return whether it was still ours.

    counts: the attempt counts. Even a delay of 0 lets the other jobs that are due go first.
    """
    back = {
        "state": "pending",
        "token": None,
        "lease_until": None,
        "run_at": job.run_at if delay is None else clock(connection, delay),
        "attempts": job.attempts if counts else job.attempts - 1,
    }
    changed = await connection.execute(sa.update(JOBS).where(*_mine(claimed)).values({**back, **values}))
    return changed.rowcount == 1  # type: ignore[attr-defined,no-any-return]  # a cursor result


async def cancel(uow: UnitOfWork, key: str) -> None:
    """Cancel the unfinished job of this key: a waiting one ends, a running one is asked to stop."""
    uow.jobs[:] = [row for row in uow.jobs if row["held_key"] != key]
    await _cancel(uow, job.held_key == key)


async def cancel_lane(uow: UnitOfWork, lane: str) -> None:
    """Cancel every unfinished job of a lane: waiting ones end, a running one is asked to stop."""
    uow.demand_write()
    uow.jobs[:] = [row for row in uow.jobs if row["lane"] != lane]
    await _cancel(uow, job.lane == lane)


async def cancel_job(uow: UnitOfWork, job_id: UUID) -> None:
    """Cancel one job: a waiting one ends, a running one is asked to stop. JobEnded when it has ended."""
    if not await _cancel(uow, job.id == job_id):
        raise JobEnded(_("This job has ended."))


async def _cancel(uow: UnitOfWork, which: sa.ColumnElement[bool]) -> int:
    waiting = job.state.in_(("pending", "parked"))
    asked = await uow.session.execute(
        sa.update(JOBS)
        .where(which, job.state.in_(("pending", "parked", "running")))
        .values(
            cancel_asked=True,
            finished_at=sa.case((waiting, sa.literal(uow.now, UTCDateTime())), else_=None),
            held_key=sa.case((waiting, _kept_key()), else_=job.held_key),
            state=sa.case((waiting, "cancelled"), else_=job.state),
        )
    )
    return int(asked.rowcount)  # type: ignore[attr-defined]  # a cursor result


async def revive(uow: UnitOfWork, job_id: UUID) -> None:
    """Give a dead, parked or cancelled job all its attempts again.

    JobNotDead in any other state, JobKeyTaken when another one holds its key by now.
    """
    twin = JOBS.alias("twin")
    taken = sa.exists().where(twin.c.held_key == job.key, twin.c.id != job.id)
    changed = await uow.session.execute(
        sa.update(JOBS)
        .where(job.id == job_id, job.state.in_(STOPPED), ~taken)
        .values(state="pending", run_at=uow.now, attempts=0, cancel_asked=False, finished_at=None, held_key=job.key)
    )
    if not changed.rowcount:  # type: ignore[attr-defined]  # a cursor result
        await _demand_stopped(uow, job_id)
        raise JobKeyTaken(_("Another job with the same key waits or runs by now."))
    uow.after_commit(uow.kernel.wake.set)


async def discard(uow: UnitOfWork, job_id: UUID) -> None:
    """Delete a dead, parked or cancelled job. JobNotDead in any other state, JobKeepsItsKey with a key for ever."""
    gone = await uow.session.execute(
        sa.delete(JOBS).where(
            job.id == job_id, job.state.in_(STOPPED), sa.or_(job.held_key.is_(None), job.held_key.not_like("once:%"))
        )
    )
    if not gone.rowcount:  # type: ignore[attr-defined]  # a cursor result
        await _demand_stopped(uow, job_id)
        raise JobKeepsItsKey(_("This job's key is kept for ever; deleting it would let the job come again."))


async def _demand_stopped(uow: UnitOfWork, job_id: UUID) -> None:
    if await uow.session.scalar(sa.select(job.state).where(job.id == job_id)) not in STOPPED:
        raise JobNotDead(_("This job is not dead."))


async def unpark(connection: Connection, kinds: Sequence[str]) -> None:
    """Try parked jobs of these kinds again; called when a process starts, perhaps with newer code."""
    await connection.execute(sa.update(JOBS).where(job.state == "parked", job.kind.in_(kinds)).values(state="pending"))


__all__ = [
    "JOBS",
    "PENDING",
    "RUNNING",
    "SCHEDULES",
    "STOPPED",
    "Claimed",
    "Connection",
    "JobEnded",
    "JobKeepsItsKey",
    "JobKeyTaken",
    "JobNotDead",
    "JobRow",
    "Lease",
    "LeaseLost",
    "ScheduleRow",
    "cancel",
    "cancel_job",
    "claim",
    "clock",
    "discard",
    "finish",
    "job",
    "put_back",
    "reap",
    "renew",
    "revive",
    "start",
    "unpark",
]  # fmt: skip
