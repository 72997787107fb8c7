"""Opening and ending units of work: for the kernel. What must not happen inside one asks here."""

from __future__ import annotations

import asyncio
import sqlite3
import weakref
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm.exc import StaleDataError

from crm_core.db.engine import unavailable
from crm_core.db.session import close, write_limit
from crm_core.i18n import Strings
from crm_core.uow import LinkedRecordMissing, RecordChanged, UnitOfWork, ValueTaken

_ = Strings("crm_core")
DATABASE_ERRORS = (
    StaleDataError,
    SQLAlchemyError,
    sqlite3.Error,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)

# Only for the guard below: which unit of work a task has open. Never read to find "the current" one.
_open: weakref.WeakKeyDictionary[asyncio.Task[Any], UnitOfWork] = weakref.WeakKeyDictionary()


def outside_transaction(what: str) -> None:
    """Raise when this task holds a writing transaction: nothing awaits the world inside one."""
    task = asyncio.current_task()
    uow = _open.get(task) if task else None
    if uow is not None and not uow.readonly and uow.db.wrote(uow.session):
        raise RuntimeError(f"{what} inside a transaction that has written: do it before, or in a job")


class Reading:
    """Runs a reading unit of work: ends its session on leaving, translates database errors.

    A class, as each request enters one: a generator costs three times as much.
    """

    __slots__ = ("uow",)

    def __init__(self, uow: UnitOfWork) -> None:
        self.uow = uow

    async def __aenter__(self) -> UnitOfWork:
        await self.uow.kernel.know_fields()
        self.uow.registry = self.uow.kernel.registry
        return self.uow

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self.uow.made is not None:
            await close(self.uow.made)
        if isinstance(error, DATABASE_ERRORS) and (told := answer(error)) is not error:
            raise told from error


@asynccontextmanager
async def opened(uow: UnitOfWork) -> AsyncGenerator[UnitOfWork]:
    """Run a writing unit of work: finish on leaving, roll back on any error, translate database errors."""
    task = asyncio.current_task()
    outer = _open.get(task) if task else None
    if task:
        _open[task] = uow
    try:
        async with write_limit(uow.session):
            yield uow
            await uow.finish()
    except DATABASE_ERRORS as error:
        raise answer(error) from error
    finally:
        if task:
            if outer is None:
                _open.pop(task, None)
            else:
                _open[task] = outer
        await close(uow.session)


def answer(error: Exception) -> Exception:
    """Return what a database error means to the caller; the error itself when it is a bug of ours."""
    if isinstance(error, StaleDataError):
        return RecordChanged(_("Somebody else changed this record meanwhile."))
    if isinstance(error, IntegrityError | sqlite3.IntegrityError | asyncpg.IntegrityConstraintViolationError):
        text = str(getattr(error, "orig", error)).lower()
        if "unique" in text or "duplicate" in text:
            return ValueTaken(_("This value is already in use."))
        if "foreign key" in text:
            return LinkedRecordMissing(_("A linked record does not exist."))
    return unavailable(error) or error
