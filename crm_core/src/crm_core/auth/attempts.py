"""Guesses and refusals, on transactions of their own: a lock-out must not be undone by its own error.

An attempt is written as failed before the secret is checked and marked right afterwards, so a hundred
guesses at once are counted before the first one is answered.
"""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.auth.actor import Actor, system
from crm_core.auth.events import AccessDenied, LockedOut
from crm_core.db.model import Model
from crm_core.db.types import Id, UTCDateTime, new_id, utcnow
from crm_core.errors import RateLimited
from crm_core.i18n import Strings
from crm_core.plugin.declare import Event
from crm_core.transactions import outside_transaction
from crm_core.uow import UnitOfWork

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

_ = Strings("crm_core")
WINDOW = timedelta(minutes=15)
PER_KEY = 10
PER_ADDRESS = 100
QUIET = timedelta(minutes=1)
"""The same refusal is told once in this time per process, so that a flood does not fill the log."""


class TooManyAttempts(RateLimited):
    """Too many wrong guesses; the right one is refused too until the window has passed."""


class Attempt(Model):
    """One guess at a secret. kind: "login", "link", …; key: what was guessed at, folded."""

    __tablename__ = "core_attempt"
    __table_args__ = (sa.Index(None, "kind", "key", "at"), sa.Index(None, "kind", "address", "at"))

    id: Mapped[UUID] = mapped_column(Id(), primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(UTCDateTime(), default=utcnow, index=True)
    kind: Mapped[str] = mapped_column(sa.String(32))
    key: Mapped[str] = mapped_column(sa.String(255))
    address: Mapped[str] = mapped_column(sa.String(64), default="")
    is_right: Mapped[bool] = mapped_column(sa.Boolean, default=False)


async def record_attempt(
    kernel: Kernel, kind: str, key: str, address: str, *, per_key: int = PER_KEY, per_address: int = PER_ADDRESS
) -> UUID:
    """Commit a guess as failed and return its id; TooManyAttempts after too many wrong ones in 15 minutes.

    A right guess starts the count of its key anew. Refused guesses are not kept, so waiting always helps.
    Called before anything is written: its own transaction would wait for the caller's.
    """
    outside_transaction("counting an attempt")
    key, address, guess = key[:255], address[:64], new_id()
    try:
        async with kernel.write(system(f"attempt.{kind}")) as uow:
            if uow.db.dialect == "postgresql":  # SQLite has one writer anyway
                lock = zlib.crc32(f"{kind}:{key}".encode())
                await uow.session.execute(sa.select(sa.func.pg_advisory_xact_lock(lock)))
            row = {"id": guess, "at": uow.now, "kind": kind, "key": key, "address": address}
            await uow.session.execute(sa.insert(Attempt), [row])
            if await _wrong(uow, kind, key) > per_key or await _wrong_from(uow, kind, address) > per_address:
                seconds = int(WINDOW.total_seconds())
                text = _("Too many attempts. Try again in {n} minutes.", n=seconds // 60)
                raise TooManyAttempts(text, retry_after=seconds)
    except TooManyAttempts:
        await _tell(kernel, system(f"attempt.{kind}"), LockedOut(kind=kind, address=address), key, WINDOW)
        raise
    return guess


async def mark_right(uow: UnitOfWork, attempt: UUID) -> None:
    """Say in the caller's transaction that the guess was right."""
    uow.demand_write()
    await uow.session.execute(sa.update(Attempt).where(Attempt.id == attempt).values(is_right=True))


async def forgive(uow: UnitOfWork, kind: str, key: str) -> None:
    """Forget the guesses at a key in the caller's transaction: its secret was just replaced."""
    uow.demand_write()
    gone = sa.delete(Attempt).where(Attempt.kind == kind, Attempt.key == key[:255])
    await uow.session.execute(gone, execution_options={"synchronize_session": False})


async def audit_denied(kernel: Kernel, actor: Actor, what: str, address: str = "") -> None:
    """Commit that a known actor was refused. `what` is a method and a route or the name of a right."""
    await _tell(kernel, actor, AccessDenied(what=what[:255], address=address), what, QUIET)


async def _wrong(uow: UnitOfWork, kind: str, key: str) -> int:
    since = uow.now - WINDOW
    last = await uow.session.scalar(
        sa.select(sa.func.max(Attempt.at)).where(Attempt.kind == kind, Attempt.key == key, Attempt.is_right)
    )
    since = max(since, last) if last is not None else since
    count = sa.select(sa.func.count()).where(
        Attempt.kind == kind, Attempt.key == key, Attempt.at > since, ~Attempt.is_right
    )
    return await uow.session.scalar(count) or 0


async def _wrong_from(uow: UnitOfWork, kind: str, address: str) -> int:
    if not address:
        return 0
    count = sa.select(sa.func.count()).where(
        Attempt.kind == kind, Attempt.address == address, Attempt.at > uow.now - WINDOW, ~Attempt.is_right
    )
    return await uow.session.scalar(count) or 0


async def _tell(kernel: Kernel, actor: Actor, event: Event, key: str, quiet: timedelta) -> None:
    outside_transaction("telling of a refusal")
    told: dict[tuple[str, str, str], datetime] = kernel.caches.setdefault("refusals", {})
    name, now = (type(event).__name__, actor.label, key), utcnow()
    if (last := told.get(name)) is not None and now - last < quiet:
        return
    if len(told) > 1000:
        told.clear()
    told[name] = now
    async with kernel.write(actor.behind) as uow:
        await uow.emit(event)
