"""Numbers committed events, so that sinks can read them by position and miss none.

One process at a time does it: the holder of the lease "events". The lease row is locked in the numbering
transaction, so that two that both believe to hold it follow each other and positions appear in order.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import sqlalchemy as sa

from crm_core.db.types import utcnow
from crm_core.entity.event_rows import EventPosition, EventRow
from crm_core.jobs.offices import hold

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

LEASE_SECONDS = 10.0
BATCH = 1000

# A transaction may commit after younger ones: each look goes back a little, now and then far, at first to the start.
BACK = timedelta(seconds=10)
FAR_BACK = timedelta(minutes=20)
FAR_EVERY = timedelta(seconds=30)


class Dispatcher:
    """Numbers events while this process is the elected one."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.id: UUID = uuid4()
        self.seen: datetime | None = None
        self.far_at: datetime | None = None

    async def number(self) -> int:
        """Give positions to committed events that have none; return to how many. 0 if another process is elected."""
        since, far = self._since()
        if not await self._waiting(since):
            self._looked(far)
            return 0
        numbered = 0
        while True:
            async with self.kernel.db.write.begin() as connection:
                if not await hold(connection, "events", self.id, LEASE_SECONDS):
                    return numbered
                done = await connection.execute(sa.insert(EventPosition).from_select(["event_id"], _unnumbered(since)))
            numbered += done.rowcount
            if done.rowcount < BATCH:
                self._looked(far)
                return numbered

    def _since(self) -> tuple[datetime | None, bool]:
        now = utcnow()
        if self.seen is None or self.far_at is None:
            return None, True
        if now - self.far_at > FAR_EVERY:
            return self.seen - FAR_BACK, True
        return self.seen - BACK, False

    def _looked(self, far: bool) -> None:
        self.seen = utcnow()
        if far:
            self.far_at = self.seen

    async def _waiting(self, since: datetime | None) -> bool:
        async with self.kernel.db.read.connect() as connection:
            return await connection.scalar(_unnumbered(since).limit(1)) is not None


def first_id(at: datetime) -> UUID:
    """Return the smallest time-ordered id of an instant."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


def _unnumbered(since: datetime | None) -> sa.Select[tuple[UUID]]:
    event, position = EventRow.__table__, EventPosition.__table__
    found = (
        sa.select(event.c.id)
        .where(~sa.exists().where(position.c.event_id == event.c.id))
        .order_by(event.c.id)
        .limit(BATCH)
    )
    return found if since is None else found.where(event.c.id >= first_id(since))
