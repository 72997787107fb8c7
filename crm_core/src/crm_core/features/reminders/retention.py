"""How long told reminders are kept."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.features.reminders.actions import R
from crm_core.plugin import Retention, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


async def count(uow: UnitOfWork, before: datetime) -> int:
    """Return how many reminders were told before an instant."""
    return int(await uow.session.scalar(sa.select(sa.func.count()).select_from(R).where(R.c.done_at < before)) or 0)


async def delete(uow: UnitOfWork, before: datetime, limit: int) -> int:
    """Delete at most so many of them."""
    some = sa.select(R.c.id).where(R.c.done_at < before).limit(limit)
    done = await uow.session.execute(
        sa.delete(R).where(R.c.id.in_(some)), execution_options={"synchronize_session": False}
    )
    return int(done.rowcount)  # type: ignore[attr-defined]  # a cursor result


TOLD = Retention(name="core.reminders", label=_("Reminders that have come"), days=90, count=count, delete=delete)
