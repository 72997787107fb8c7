"""How long read notifications are kept."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.features.notifications.queries import N
from crm_core.plugin import Retention, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


async def count(uow: UnitOfWork, before: datetime) -> int:
    """Return how many notifications were read before an instant."""
    return int(await uow.session.scalar(sa.select(sa.func.count()).select_from(N).where(N.c.read_at < before)) or 0)


async def delete(uow: UnitOfWork, before: datetime, limit: int) -> int:
    """Delete at most so many of them."""
    some = sa.select(N.c.id).where(N.c.read_at < before).limit(limit)
    done = await uow.session.execute(
        sa.delete(N).where(N.c.id.in_(some)), execution_options={"synchronize_session": False}
    )
    return int(done.rowcount)  # type: ignore[attr-defined]  # a cursor result


READ = Retention(name="core.notifications", label=_("Read notifications"), days=90, count=count, delete=delete)
