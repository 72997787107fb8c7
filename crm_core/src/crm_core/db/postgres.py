"""PostgreSQL through asyncpg: engines, the pool for hot lists, and what its errors mean."""

from __future__ import annotations

import re
from typing import Any

import asyncpg
import msgspec
import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from crm_core.errors import StartupError, Unavailable
from crm_core.i18n import Strings

_ = Strings("crm_core")
READ_TIMEOUT_MS, WRITE_TIMEOUT_MS, LOCK_TIMEOUT_MS = 15_000, 60_000, 10_000
_VALUE = re.compile(r"(invalid input (?:for query argument \$\d+|syntax for type [\w ]+)): .*", re.DOTALL)
CONNECT_TIMEOUT = 15  # seconds
ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_GONE = (asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError, asyncpg.AdminShutdownError)
# Starting or stopping, connection, no room, lock or statement waited too long, serialisation, deadlock.
_BUSY_STATES = ("57P", "08", "53", "55P03", "57014", "40001", "40P01")


def lost(error: BaseException) -> bool:
    """Return whether an error means that the connection is gone, and not that the statement is wrong."""
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error) or "released" in str(error)
    # The driver's own "internal" error is what is left of an operation whose connection died in the middle.
    return isinstance(error, (*_GONE, asyncpg.InternalClientError))


def busy(error: Any) -> bool:
    """Return whether the server says "not now"."""
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or ""
    return str(state).startswith(_BUSY_STATES)


def away() -> Unavailable:
    """Return the answer for a database that does not answer."""
    return Unavailable(_("The database is not available at this moment. Please try again."), retry_after=1)


async def connect(*args: Any, **kw: Any) -> asyncpg.Connection:
    """Connect as asyncpg does; `Unavailable` when there is no server, it starts or stops, or has no room.

    StartupError when the address is wrong: no such database, user or password.
    """
    try:
        return await asyncpg.connect(*args, **kw)
    except asyncpg.InvalidCatalogNameError as error:
        raise StartupError(f"{error}: create it with `createdb --template template0 --locale C.UTF-8 NAME`") from error
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise StartupError(f"the database does not let us in: {error}") from error
    except OSError as error:  # TimeoutError is one
        raise away() from error
    except ERRORS as error:
        if not lost(error) and not busy(error):
            raise
        raise away() from error


def forget_values(context: Any) -> None:
    """Take the values of rows out of an error's texts: what the server adds as DETAIL, and what it could not read."""
    error = context.sqlalchemy_exception or context.original_exception
    found = [error, getattr(error, "orig", None), context.original_exception]
    while found:
        if (one := found.pop()) is None:
            continue
        if isinstance(one, asyncpg.PostgresError):
            one.detail = None
        one.args = tuple(_VALUE.sub(r"\1", a) if isinstance(a, str) else a for a in one.args)
        found.append(one.__cause__)


def _settings(*, readonly: bool) -> dict[str, str]:
    return {
        "application_name": "crm",
        "timezone": "UTC",
        "jit": "off",
        "default_transaction_read_only": "on" if readonly else "off",
        "statement_timeout": str(READ_TIMEOUT_MS if readonly else WRITE_TIMEOUT_MS),
        "lock_timeout": str(LOCK_TIMEOUT_MS),
        "idle_in_transaction_session_timeout": str(WRITE_TIMEOUT_MS),
    }


class Reader(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A read-only connection that runs single statements: there is no session state to reset afterwards."""

    def get_reset_query(self) -> str:
        """Return nothing: the driver's own reset costs a round trip after every list."""
        return ""


async def read_pool(dsn: str) -> asyncpg.Pool:
    """Return a pool of read-only connections beside SQLAlchemy, for hot lists."""
    return await asyncpg.create_pool(
        dsn, connect=connect, timeout=CONNECT_TIMEOUT, min_size=0, max_size=10, statement_cache_size=512,
        server_settings=_settings(readonly=True), max_inactive_connection_lifetime=300, connection_class=Reader,
    )  # fmt: skip


def _engine(url: str, *, readonly: bool, **kw: Any) -> AsyncEngine:
    how = {"server_settings": _settings(readonly=readonly), "timeout": CONNECT_TIMEOUT, "async_creator_fn": connect}
    made = create_async_engine(
        url,
        connect_args=how,
        pool_use_lifo=True,
        json_deserializer=msgspec.json.decode,
        hide_parameters=True,
        **kw,
    )

    @sa.event.listens_for(made.sync_engine, "handle_error")
    def told(context: Any) -> None:
        forget_values(context)
        if not readonly and getattr(context.original_exception, "sqlstate", "") == "25006":
            context.is_disconnect = True  # a standby: a new connection may lead to the server that takes writes

    @sa.event.listens_for(made.sync_engine, "checkout")
    def alive(connection: Any, _record: object, _proxy: object) -> None:
        # After a restart of the server the driver knows that its socket is closed: no ping needed.
        if connection.driver_connection.is_closed():
            raise exc.DisconnectionError("the server closed this connection")

    return made


def engines(url: str, pool_timeout: float) -> tuple[AsyncEngine, AsyncEngine]:
    """Return the engine that only reads, without transactions, and the one that writes."""
    pool = {"pool_size": 8, "max_overflow": 8, "pool_timeout": pool_timeout}
    read = _engine(url, readonly=True, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True, **pool)
    return read, _engine(url, readonly=False, **pool)
