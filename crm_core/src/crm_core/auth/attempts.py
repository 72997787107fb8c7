"""Guesses and refusals, on transactions of their own: a lock-out must not be undone by its own error.

An attempt is written as failed before the secret is checked and marked right afterwards, so a hundred
guesses at once are counted before the first one is answered.
"""

from __future__ import annotations

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
from crm_core.plugin.declare import Ref

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
WINDOW = timedelta(minutes=15)
PER_KEY = 10
PER_ADDRESS = 100
DENIALS_REMEMBERED = 1000


class TooManyAttempts(RateLimited):
    """Too many wrong guesses; the right one is refused too until the window has passed."""


class Attempt(Model):
    """One guess at a secret. kind: "login", "link", …; key: what was guessed at, folded."""

    __tablename__ = "core_attempt"
    __table_args__ = (sa.Index(None, "kind", "key", "at"), sa.Index(None, "kind", "address", "at"))

    id: Mapped[UUID] = mapped_column(Id(), primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(UTCDateTime(), default=utcnow)
    kind: Mapped[str] = mapped_column(sa.String(32))
    key: Mapped[str] = mapped_column(sa.String(255))
    address: Mapped[str] = mapped_column(sa.String(64), default="")
    is_right: Mapped[bool] = mapped_column(sa.Boolean, default=False)


async def record_attempt(
    kernel: Kernel, kind: str, key: str, address: str, *, per_key: int = PER_KEY, per_address: int = PER_ADDRESS
) -> UUID:
    """Commit a guess as failed and return its id; TooManyAttempts when there were too many in 15 minutes.

    A right guess starts the count anew. Refused guesses are not written, so waiting always helps.
    """
    key, address = key[:255], address[:64]
    refused = False
    async with kernel.write(system(f"attempt.{kind}")) as uow:
        row = Attempt(id=new_id(), at=uow.now, kind=kind, key=key, address=address)
        uow.session.add(row)
        await uow.session.flush()  # takes the write lock, so that guesses are counted one after the other
        wrong = await _wrong(uow, kind, Attempt.key == key)
        everywhere = await _wrong(uow, kind, Attempt.address == address) if address else 0
        refused = wrong > per_key or everywhere > per_address
        if refused:
            await uow.session.delete(row)
            if wrong == per_key + 1 and not await _told(uow, kind, key):
                await uow.emit(LockedOut(kind=kind, address=address))
    if refused:
        seconds = int(WINDOW.total_seconds())
        raise TooManyAttempts(_("Too many attempts. Try again in {n} minutes.", n=seconds // 60), retry_after=seconds)
    return row.id
