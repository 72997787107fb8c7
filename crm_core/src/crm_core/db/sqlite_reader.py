"""SQLite's own connection for hot lists, beside SQLAlchemy."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from time import perf_counter, thread_time
from typing import Any

from crm_core.db.sqlite import DEADLINE, STEPS, pragmas

PATIENCE = 0.03
"""Seconds of waiting (for a disk, for the processor) after which a read moves to a thread all the same."""


class Reader:
    """Read-only connections beside SQLAlchemy, for hot lists: on the loop, in a thread past the deadline."""

    def __init__(self, path: str, *, threads: int = 4) -> None:
        self.path = path
        self._idle: list[sqlite3.Connection] = []
        self._threads = asyncio.Semaphore(threads)

    def _open(self) -> sqlite3.Connection:
        raw = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, cached_statements=512)
        pragmas(raw, readonly=True, durable=True)
        return raw

    async def fetch(self, sql: str, args: Sequence[Any]) -> list[Any]:
        """Return all rows of one statement; sqlite3.OperationalError when it writes."""
        raw = self._idle.pop() if self._idle else self._open()
        try:
            # The handler is set per statement: a connection that was in a thread has none.
            # Own CPU time counts: a busy machine that takes the processor away is no reason to run it twice.
            spent, late = thread_time() + DEADLINE, perf_counter() + PATIENCE
            raw.set_progress_handler(lambda: thread_time() > spent or perf_counter() > late, STEPS)
            return raw.execute(sql, args).fetchall()
        except sqlite3.OperationalError as error:
            if error.args[0] != "interrupted":
                raise
            raw.set_progress_handler(None, STEPS)
            return await self._in_thread(raw, sql, args)
        finally:
            self._idle.append(raw)

    async def _in_thread(self, raw: sqlite3.Connection, sql: str, args: Sequence[Any]) -> list[Any]:
        async with self._threads:
            waiting = asyncio.ensure_future(asyncio.to_thread(lambda: raw.execute(sql, args).fetchall()))
            try:
                return await asyncio.shield(waiting)
            except asyncio.CancelledError:
                # Nobody wants the answer: stop it, and give the connection back only when it has stopped.
                raw.interrupt()
                await asyncio.wait([waiting])
                waiting.exception()
                raise

    def close(self) -> None:
        """Close all connections; no statement may be running."""
        while self._idle:
            self._idle.pop().close()
