"""What a running job gets: short transactions as often as needed, progress, and the one that ends it."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.actor import Actor, system
from crm_core.jobs import rows
from crm_core.plugin.declare import JobCall
from crm_core.transactions import outside_transaction

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

PROGRESS_EVERY = 1.0


class Cancelled(Exception):
    """Somebody cancelled the job; raised by `progress()`, let it pass."""


class Parked(Exception):
    """The job cannot run in this installation at present; it waits untouched for the next start."""


class JobContext:
    """One attempt at one job. It opens no transaction by itself.

    call: the arguments. attempt: counts from 1. due_at: when the job was first wanted, for a schedule
    its tick; late: that tick was missed. actor: label of who asked for it, user_id if that was a user.
    cause: what its events are grouped under. finished: its end was committed.
    """

    def __init__(self, kernel: Kernel, claimed: rows.Claimed, call: JobCall, lease: float) -> None:
        self.kernel = kernel
        self.call = call
        self.finished = False
        self._claimed = claimed
        self._lease = lease
        self._told = time.monotonic()

    @property
    def id(self) -> UUID:
        """Return the job's id: stable over attempts, the key to give to systems outside."""
        return self._claimed.id

    @property
    def kind(self) -> str:
        """Return the job's stored name."""
        return self._claimed.kind

    @property
    def attempt(self) -> int:
        """Return the number of this attempt, from 1."""
        return self._claimed.attempts

    @property
    def due_at(self) -> datetime:
        """Return when the job was first wanted."""
        return self._claimed.due_at

    @property
    def late(self) -> bool:
        """Return whether the schedule's tick was missed."""
        return self._claimed.late

    @property
    def user_id(self) -> UUID | None:
        """Return the user who asked for the job; load the actor anew to act with today's rights."""
        return self._claimed.user_id

    def actor(self) -> Actor:
        """Return the actor of our own code this job acts as unless it is told otherwise."""
        return system(f"job:{self.kind}")

    @asynccontextmanager
    async def transaction(self, actor: Actor | None = None) -> AsyncGenerator[UnitOfWork]:
        """Open a short writing unit of work, committed on leaving; no network or sleep inside."""
        async with self.kernel.write(actor or self.actor(), cause=self._claimed.cause) as uow:
            yield uow

    @asynccontextmanager
    async def reading(self, actor: Actor | None = None) -> AsyncGenerator[UnitOfWork]:
        """Open a unit of work that only reads."""
        async with self.kernel.read(actor or self.actor()) as uow:
            yield uow

    async def finish(self, uow: UnitOfWork, result: Any = None) -> None:
        """End the job in the transaction of its effect: both happen, or neither.

        result: plain values kept in the row. Raises LeaseLost when another process has the job by now.
        """
        await rows.finish(uow.session, self._claimed, result=result)
        uow.after_commit(self._mark_finished)

    def _mark_finished(self) -> None:
        self.finished = True

    async def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        """Show how far the job is; written at most once a second, extending the lease.

        Raises Cancelled after somebody asked for the end. Not inside a transaction.
        """
        outside_transaction("progress()")
        if time.monotonic() - self._told < PROGRESS_EVERY and done != total:
            return
        self._told = time.monotonic()
        async with self.kernel.db.write.begin() as connection:
            asked = await connection.scalar(
                sa.update(rows.JOBS)
                .where(rows.job.id == self.id, rows.job.token == self._claimed.token)
                .values(progress=done, total=total, note=note[:255], lease_until=rows.clock(connection, self._lease))
                .returning(rows.job.cancel_asked)
            )
        if asked is None:
            raise rows.LeaseLost(f"job {self.id} is no longer ours")
        if asked:
            raise Cancelled
