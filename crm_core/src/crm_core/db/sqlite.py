"""SQLite through aiosqlite with one thread hop per statement, and short reads on the event loop.

The stock adapter hops to the connection's thread three or four times per statement, and sqlite3 gives
the GIL away at every row, so a busy loop makes threads wait. Here a statement is one hop; a read is
tried on the loop itself first and moves to the thread when it takes longer than `DEADLINE`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from math import inf
from time import perf_counter
from typing import Any, TypeVar

import aiosqlite
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_dbapi,
    AsyncAdapt_aiosqlite_ss_cursor,
)
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

T = TypeVar("T")

DEADLINE = 0.003
"""Seconds a read may hold the event loop before it is moved to a thread."""
STEPS = 2000
"""Virtual machine steps between two looks at the clock; about 0.1 ms."""
BUSY_MS = 10_000
"""Milliseconds to wait for another process that holds the write lock."""

# "WITH" may introduce a write, and interrupting a write rolls back its whole transaction.
_READS = ("SELECT", "select")
_READS_WHEN_READONLY = (*_READS, "WITH", "with")


def pragmas(raw: sqlite3.Connection, *, readonly: bool, durable: bool, foreign_keys: bool = True) -> None:
    """Set what every connection of ours needs. FTS merges thrash the default cache of 2 MB, hence 64 for the writer."""
    raw.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
    raw.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
    raw.execute(f"PRAGMA cache_size={-16384 if readonly else -65536}")
    if readonly:
        raw.execute("PRAGMA query_only=ON")


async def _inline(run: Callable[[], T]) -> T:
    return run()


class Cursor:
    """The part of a DBAPI cursor that SQLAlchemy uses; a result is fetched whole in the statement's own hop."""

    server_side = False

    def __init__(self, connection: Connection) -> None:
        self._adapt_connection = connection
        self._rows: list[Any] = []
        self._next = 0
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    def execute(self, operation: str, parameters: Sequence[Any] | None = None) -> Cursor:
        """Run one statement; reads on the loop under the deadline, writes in the thread."""

        def go(raw: sqlite3.Connection) -> None:
            cursor = raw.execute(operation, parameters or ())
            self._take(cursor, cursor.fetchall() if cursor.description else [])

        self._adapt_connection.run(go, short=operation.startswith(self._adapt_connection.reads))
        return self

    def executemany(self, operation: str, parameters: Sequence[Sequence[Any]]) -> Cursor:
        """Run one statement for many rows in one hop."""
        self._adapt_connection.run(lambda raw: self._take(raw.executemany(operation, parameters), []))
        return self

    def _take(self, cursor: sqlite3.Cursor, rows: list[Any]) -> None:
        self._rows, self._next = rows, 0
        self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid
        cursor.close()

    def fetchone(self) -> Any:
        if self._next >= len(self._rows):
            return None
        self._next += 1
        return self._rows[self._next - 1]

    def fetchmany(self, size: int | None = None) -> list[Any]:
        start = self._next
        self._next = min(start + (size or self.arraysize), len(self._rows))
        return self._rows[start : self._next]

    def fetchall(self) -> list[Any]:
        rest, self._rows, self._next = self._rows[self._next :], [], 0
        return rest

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fetchall())

    def setinputsizes(self, *sizes: Any) -> None:
        """Nothing to do: SQLite takes any size."""

    async def _async_soft_close(self) -> None:
        """Nothing to do: the driver's cursor is closed in the statement's own hop."""

    def close(self) -> None:
        self._rows = []


class StreamingCursor(AsyncAdapt_aiosqlite_ss_cursor):
    """The stock cursor for `stream()`; a BEGIN that waits for the first statement is sent first."""

    def __init__(self, adapt_connection: Connection) -> None:
        if adapt_connection.begin_sql:
            adapt_connection.run(lambda raw: None)
        super().__init__(adapt_connection)


class Connection(AsyncAdapt_aiosqlite_connection):
    """One SQLite connection with its thread.

    `begin_sql` is the BEGIN that goes out with the next statement, in the same hop. `deadline` is read by
    SQLite's progress handler. `busy` is set while the thread works, also when the waiting task was cancelled.
    """

    _cursor_cls = Cursor  # type: ignore[assignment]  # only the part of the protocol that is called
    _ss_cursor_cls = StreamingCursor  # type: ignore[assignment]  # takes our connection only

    def __init__(self, dbapi: Any, connection: aiosqlite.Connection) -> None:
        super().__init__(dbapi, connection)  # type: ignore[arg-type]  # the adapter's protocol is async, aiosqlite's own
        self.begin_sql: str | None = None
        self.deadline = inf
        self.busy = False
        self.reads: tuple[str, ...] = _READS
        self._watch()

    @property
    def raw(self) -> sqlite3.Connection:
        """Return the sqlite3 connection below aiosqlite."""
        return self._connection._conn  # type: ignore[no-any-return]  # noqa: SLF001 - no public way

    def _watch(self) -> None:
        self.raw.set_progress_handler(lambda: perf_counter() > self.deadline, STEPS)

    def run(self, work: Callable[[sqlite3.Connection], T], *, short: bool = False) -> T:
        """Run `work` on the connection from SQLAlchemy's greenlet: on the loop if `short`, else in the thread."""
        try:
            if short and self.begin_sql is None and not self.busy:
                return self._on_loop(work)
            return await_only(self.in_thread(work))
        except Exception as error:  # noqa: BLE001 - the adapter sorts it and raises
            self._handle_exception(error)

    def _on_loop(self, work: Callable[[sqlite3.Connection], T]) -> T:
        raw = self.raw
        self.deadline = perf_counter() + DEADLINE
        try:
            # Through await_only although nothing waits: SQLAlchemy checks that it runs in a greenlet.
            return await_only(_inline(lambda: work(raw)))
        except sqlite3.OperationalError as error:
            if error.args[0] != "interrupted":
                raise
        finally:
            self.deadline = inf
        return await_only(self.in_thread(work, watched=False))

    async def in_thread(self, work: Callable[[sqlite3.Connection], T], *, watched: bool = True) -> T:
        """Run `work` in the connection's thread, after the waiting BEGIN if there is one, all in one hop.

        `watched=False` takes the progress handler off meanwhile: it triples the time of a scan.
        """
        begin, self.begin_sql = self.begin_sql, None

        def hop() -> T:
            raw = self.raw
            if not watched:
                raw.set_progress_handler(None, STEPS)
            try:
                if begin:
                    raw.execute(begin)
                return work(raw)
            finally:
                self.busy = False
                if not watched:
                    self._watch()

        self.busy = True
        return await self._connection._execute(hop)  # type: ignore[no-any-return]  # noqa: SLF001

    async def whole(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` as a transaction of its own, BEGIN and COMMIT included, in one hop.

        What fails is rolled back when the connection returns to its pool. Nothing is stored either when the
        waiting task is cancelled before the COMMIT, also while another process writes.
        """
        given_up = False

        def transaction(raw: sqlite3.Connection) -> T:
            raw.execute("BEGIN IMMEDIATE")
            found = work(raw)
            if given_up:
                raise asyncio.CancelledError
            raw.execute("COMMIT")
            return found

        try:
            return await self.in_thread(transaction)
        except asyncio.CancelledError:
            given_up = True
            raise

    def commit(self) -> None:
        self._end("COMMIT")

    def rollback(self) -> None:
        self._end("ROLLBACK")

    def _end(self, sql: str) -> None:
        """End the transaction, without a hop when there is none.

        After a cancelled wait the thread may still be opening it: then ask in the thread.
        """
        if self.begin_sql is not None:
            self.begin_sql = None
            return
        if self._connection._connection and (self.busy or self.raw.in_transaction):  # noqa: SLF001
            self.run(lambda raw: raw.execute(sql) if raw.in_transaction else None)

    async def _terminate_graceful_close(self) -> None:
        if self.busy:
            self.raw.interrupt()
        await super()._terminate_graceful_close()


class Driver(AsyncAdapt_aiosqlite_dbapi):
    """aiosqlite with the connection class above; given to SQLAlchemy as `module`."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, sqlite3)

    def connect(self, *arg: Any, **kw: Any) -> Connection:
        connection = aiosqlite.connect(*arg, **kw)
        connection._thread.daemon = True  # noqa: SLF001 - as the stock adapter does
        return Connection(self, await_only(_opened(connection)))


async def _opened(connection: aiosqlite.Connection) -> aiosqlite.Connection:
    return await connection


def engine(
    url: str, *, begin: str | None, readonly: bool = False, durable: bool = True, foreign_keys: bool = True, **kw: Any
) -> AsyncEngine:
    """Return an engine on a SQLite file.

    `begin` is sent with the first statement of each transaction; None means autocommit.
    """
    if begin is None:
        kw |= {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
    connect_args = {"check_same_thread": False, "isolation_level": None, "cached_statements": 512}
    made = create_async_engine(url, module=Driver(), connect_args=connect_args, hide_parameters=True, **kw)

    @sa.event.listens_for(made.sync_engine, "connect")
    def connected(connection: Connection, record: object) -> None:
        connection.run(lambda raw: pragmas(raw, readonly=readonly, durable=durable, foreign_keys=foreign_keys))
        connection.reads = _READS_WHEN_READONLY if readonly else _READS

    if begin is not None:

        @sa.event.listens_for(made.sync_engine, "begin")
        def begun(connection: sa.Connection) -> None:
            connection.connection.dbapi_connection.begin_sql = begin  # type: ignore[union-attr]

    return made
