"""The session of a unit of work: routed between two engines, and timed while it holds the writer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction

from crm_core.errors import Unavailable
from crm_core.i18n import Strings

_ = Strings("crm_core")
log = logging.getLogger(__name__)

SLOW_WRITE = 0.1
"""Seconds of holding the writer above which a line is logged."""


PATIENCE = 5.0
"""Seconds after which even a patient timer ends."""


class WriteHeldTooLong(Unavailable):
    """The request kept the database's writer for itself too long; nothing was stored."""


class ReadOnlySession(RuntimeError):
    """Our own mistake: a GET (or anything else on the read engine) tried to write."""


@dataclass(slots=True)
class Hold:
    """How one session stands to the writer. `limit` seconds; None means no timer (imports, commands).

    patient: only a span without any statement counts: in tests, which run on busy machines, and in bulk calls.
    steps: statements begun and ended, counted for the patient ones. connected: the session took a connection.
    """

    readonly: bool
    read: sa.Engine
    write: sa.Engine
    limit: float | None
    patient: bool = False
    wrote: bool = False
    begun: bool = False
    connected: bool = False
    expired: bool = False
    since: float = 0.0
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)
    task: asyncio.Task[Any] | None = field(default=None, repr=False)
    steps: int = 0
    seen: int = 0

    def mark(self) -> None:
        """Note the first write; raise in a read-only session."""
        if self.readonly:
            raise ReadOnlySession("this session only reads; state a write verb or `writes=True`")
        if not self.wrote:
            self.wrote = True
            self.arm()

    def arm(self) -> None:
        """Start the clock once there is both a transaction on the write engine and a write in it."""
        if not (self.begun and self.wrote) or self.since:
            return
        self.since = perf_counter()
        if self.limit is not None:
            self.task = asyncio.current_task()
            self.timer = asyncio.get_running_loop().call_later(self.limit, self._expire)

    def _expire(self) -> None:
        inside, moved = self.steps % 2 == 1, self.steps != self.seen
        if self.patient and (inside or moved) and perf_counter() - self.since < PATIENCE:
            self.seen = self.steps
            self.timer = asyncio.get_running_loop().call_later(self.limit or 0, self._expire)
            return
        self.expired = True
        if self.task is not None:
            self.task.cancel()

    def disarm(self) -> None:
        """Stop the clock: from here on the transaction only commits or rolls back."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def end(self) -> None:
        """Forget the transaction; a session may begin another."""
        self.disarm()
        if self.since and (held := perf_counter() - self.since) > SLOW_WRITE:
            log.warning("the writer was held for %.0f ms", held * 1000)
        self.wrote = self.begun = self.connected = False
        self.since = 0.0


class CrmSession(Session):
    """Reads before the first write go to the read engine (SQLite), so the write lock opens as late as possible.

    The price on SQLite is that of READ COMMITTED elsewhere: a record read before may have changed when
    it is written. The version check makes that a `StaleDataError`; counters use `update … returning`.
    """

    @property
    def hold(self) -> Hold:
        """Return how this session stands to the writer."""
        found: Hold = self.info["hold"]
        return found

    def get_bind(self, mapper: Any = None, *, clause: Any = None, **_kw: Any) -> sa.Engine:
        hold = self.hold
        if isinstance(clause, sa.UpdateBase):
            hold.mark()
        return hold.write if hold.wrote else hold.read


@sa.event.listens_for(CrmSession, "before_flush")
def _first_write(session: CrmSession, _context: object, _instances: object) -> None:
    if session.new or session.dirty or session.deleted:
        session.hold.mark()


@sa.event.listens_for(CrmSession, "after_begin")
def _begun(session: CrmSession, _transaction: object, connection: sa.Connection) -> None:
    hold = session.hold
    hold.connected = True
    if connection.engine is hold.write and not hold.readonly:
        hold.begun = True
        connection.info["hold"] = hold
        hold.arm()


@sa.event.listens_for(CrmSession, "after_transaction_end")
def _ended(session: CrmSession, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.hold.end()


async def close(session: AsyncSession) -> None:
    """Close a session, also when the task is cancelled; one that took no connection needs no detour for that."""
    if session.sync_session.info["hold"].connected:
        await asyncio.shield(session.close())
    elif session.sync_session.in_transaction():  # otherwise nothing was read, added or changed: nothing to give back
        session.sync_session.close()


def disarm_at_commit(engine: sa.Engine) -> None:
    """Stop the timer of a session the moment its COMMIT is sent: a cancelled commit would be a riddle."""

    @sa.event.listens_for(engine, "commit")
    def committing(connection: sa.Connection) -> None:
        hold: Hold | None = connection.info.pop("hold", None)
        if hold is not None:
            hold.disarm()


def count_steps(engine: sa.Engine) -> None:
    """Tell the sessions' timers when statements begin and end; for tests, it costs a call per statement."""

    def step(connection: sa.Connection, *_rest: object) -> None:
        if (hold := connection.info.get("hold")) is not None:
            hold.steps += 1

    sa.event.listen(engine, "before_cursor_execute", step)
    sa.event.listen(engine, "after_cursor_execute", step)


@asynccontextmanager
async def write_limit(session: AsyncSession) -> AsyncIterator[None]:
    """Turn the timer's cancellation of the task into `WriteHeldTooLong`; wrap whatever uses the session."""
    hold: Hold = session.sync_session.info["hold"]
    try:
        yield
    except asyncio.CancelledError as cancelled:
        if not hold.expired:
            raise
        if hold.task is not None:
            hold.task.uncancel()
        raise WriteHeldTooLong(_("The change took too long and was not saved. Please try again.")) from cancelled
    finally:
        hold.disarm()
