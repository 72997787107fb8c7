"""The database of one installation: a read engine, a write engine, and the raw driver for hot lists."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.util import await_only, greenlet_spawn

from crm_core.db import postgres, sqlite
from crm_core.db.session import CrmSession, Hold, count_steps, disarm_at_commit
from crm_core.db.shapes import Shapes
from crm_core.db.sqlite_reader import Reader
from crm_core.errors import CrmError, StorageFull
from crm_core.i18n import Strings

_ = Strings("crm_core")
T = TypeVar("T")

WRITE_LIMIT = 1.0
WRITE_LIMIT_IN_TESTS = 0.2
POOL_TIMEOUT = 10


class Database:
    """Engines by what they may do. `write_limit` is the time in seconds a session may hold the writer, None: any."""

    def __init__(self, url: sa.URL, read: AsyncEngine, write: AsyncEngine, *, testing: bool) -> None:
        self.url = url
        self.dialect = url.get_backend_name()
        self.read = read
        self.write = write
        self.testing = testing
        self.write_limit: float | None = WRITE_LIMIT_IN_TESTS if testing else WRITE_LIMIT
        self.shapes = Shapes()
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()
        self._reader = Reader(url.database or "") if self.sqlite else None
        disarm_at_commit(write.sync_engine)
        if testing:
            count_steps(write.sync_engine)

    @classmethod
    def open(cls, url: str, *, testing: bool = False) -> Database:
        """Make the engines; nothing is connected yet. `testing`: no fsync, and a write limit of 200 ms."""
        made = sa.make_url(url)
        if made.get_backend_name() == "sqlite":
            read, write = _sqlite_engines(url, durable=not testing)
        else:
            read, write = postgres.engines(url, POOL_TIMEOUT)
        return cls(made, read, write, testing=testing)

    @property
    def sqlite(self) -> bool:
        """Return whether this is the embedded database."""
        return self.dialect == "sqlite"

    async def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.close()
        if self._reader is not None:
            self._reader.close()
        await self.read.dispose()
        await self.write.dispose()

    def session(self, readonly: bool) -> AsyncSession:
        """Return a new session; it takes a connection at its first statement.

        Wrap its use in `session.write_limit(...)` so that the timer's cancellation becomes an answer.
        """
        write = self.write.sync_engine
        read = self.read.sync_engine if readonly or self.sqlite else write
        hold = Hold(readonly, read, write, None if readonly else self.write_limit, patient=self.testing)
        return AsyncSession(sync_session_class=CrmSession, autoflush=False, expire_on_commit=False, info={"hold": hold})

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncSession]:
        """Yield a reading session in which all statements and streams see the same moment; for exports."""
        async with self.session(readonly=True) as session:
            if not self.sqlite:
                _same = await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
                yield session
                return
            connection = await session.connection()
            await connection.exec_driver_sql("BEGIN")
            try:
                yield session
            finally:
                # The pool does not roll back in autocommit, and an open snapshot would keep the WAL from shrinking.
                await asyncio.shield(connection.exec_driver_sql("ROLLBACK"))

    def wrote(self, session: AsyncSession) -> bool:
        """Return whether a transaction that wrote is open in this session."""
        hold: Hold = session.sync_session.info["hold"]
        return hold.wrote

    async def fetch(self, sql: str, args: Sequence[Any]) -> list[Any]:
        """Return all rows of one reading statement, straight from the driver.

        Placeholders are the driver's (`?`, `$1`). Tried once more after a lost connection; Unavailable after that.
        """
        try:
            if self._reader is not None:
                return await self._reader.fetch(sql, args)
            pool = self._pool or await self._open_pool()
            try:
                return await pool.fetch(sql, *args)  # type: ignore[no-any-return]  # asyncpg has no types
            except postgres.ERRORS as error:
                if not postgres.lost(error):
                    raise
                return await pool.fetch(sql, *args)  # type: ignore[no-any-return]
        except (*postgres.ERRORS, sqlite3.OperationalError) as error:
            if (answer := unavailable(error)) is None:
                raise
            raise answer from error

    async def _open_pool(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await postgres.read_pool(self.dsn)
            return self._pool

    @property
    def dsn(self) -> str:
        """Return the address as asyncpg reads it, password included."""
        return self.url.set(drivername="postgresql").render_as_string(hide_password=False)

    async def in_writer(self, session: AsyncSession, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` with SQLite's own connection inside the session's write transaction, in one thread hop."""
        connection = await self._writing(session)
        found: sqlite.Connection = connection.dbapi_connection
        return await found.in_thread(work)

    async def store(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` as a whole transaction of its own on SQLite's writer, BEGIN and COMMIT in the same thread hop."""

        def run() -> T:
            taken = self.write.sync_engine.raw_connection()
            try:
                connection: Any = taken.dbapi_connection
                return await_only(connection.whole(work))  # type: ignore[no-any-return]  # generic behind Any
            finally:
                taken.close()

        return await greenlet_spawn(run)

    async def writer(self, session: AsyncSession) -> asyncpg.Connection:
        """Return asyncpg's own connection inside the session's write transaction, BEGIN sent."""
        connection = await self._writing(session)
        adapted: Any = connection.dbapi_connection
        if adapted._transaction is None:  # noqa: SLF001 - else the raw statement would be outside the transaction
            await adapted._start_transaction()  # noqa: SLF001
        return adapted.driver_connection

    async def _writing(self, session: AsyncSession) -> Any:
        session.sync_session.info["hold"].mark()
        return await (await session.connection()).get_raw_connection()


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _is_full(cause: Any) -> bool:
    """Return whether a disk has no room: the system's word for it, SQLite's, or PostgreSQL's."""
    if isinstance(cause, sqlite3.OperationalError):
        # The files beside the database (its log, its index in shared memory) fail with "disk I/O error" instead.
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        return code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) or "is full" in str(cause)
    if isinstance(cause, OSError):
        return cause.errno in _FULL
    return getattr(cause, "sqlstate", None) == "53100"


def unavailable(error: BaseException) -> CrmError | None:
    """Return `Unavailable` for an error that says "not now" (away, busy, took too long), else None."""
    cause: Any = error.orig if isinstance(error, exc.DBAPIError) else error
    text = str(cause)
    if _is_full(cause):
        return StorageFull(_("There is no room left on the server. Nothing was saved; try again later."))
    if (
        isinstance(error, exc.TimeoutError)
        or (isinstance(error, exc.DBAPIError) and error.connection_invalidated)
        or (isinstance(cause, sqlite3.OperationalError) and ("locked" in text or text == "interrupted"))
        or postgres.lost(cause)
        or postgres.busy(cause)
    ):
        return postgres.away()
    return None


def _sqlite_engines(url: str, *, durable: bool) -> tuple[AsyncEngine, AsyncEngine]:
    read = sqlite.engine(
        url, begin=None, readonly=True, durable=durable,
        pool_size=4, max_overflow=16, pool_timeout=POOL_TIMEOUT, pool_use_lifo=True,
    )  # fmt: skip
    # One connection: waiting writers queue fairly in this process instead of polling the file lock.
    write = sqlite.engine(
        url, begin="BEGIN IMMEDIATE", durable=durable, pool_size=1, max_overflow=0, pool_timeout=POOL_TIMEOUT
    )
    return read, write
