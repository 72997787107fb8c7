"""How long the log of deliveries and the ids of events taken in are kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.db.tables import InboundEvent
from crm_core.features.webhooks.models import WebhookDelivery
from crm_core.plugin import Retention, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
SENT: Any = WebhookDelivery.__table__
TAKEN: Any = InboundEvent.__table__


def _of(table: Any, keys: Sequence[Any], old: Callable[[datetime], Any]) -> dict[str, Callable[..., Awaitable[int]]]:
    async def count(uow: UnitOfWork, before: datetime) -> int:
        return await uow.session.scalar(sa.select(sa.func.count()).select_from(table).where(old(before))) or 0

    async def delete(uow: UnitOfWork, before: datetime, limit: int) -> int:
        some = sa.select(*keys).where(old(before)).limit(limit)
        done = await uow.session.execute(sa.delete(table).where(sa.tuple_(*keys).in_(some)))
        return int(done.rowcount)  # type: ignore[attr-defined]  # a cursor result

    return {"count": count, "delete": delete}


KINDS = (
    Retention(
        name="core.webhook_deliveries", label=_("Log of webhooks"), days=30,
        **_of(SENT, [SENT.c.id], lambda b: sa.and_(SENT.c.created_at < b, SENT.c.state != "waiting")),
    ),
    Retention(
        name="core.inbound_events", label=_("Ids of events taken in"), days=30,
        **_of(TAKEN, [TAKEN.c.source, TAKEN.c.event_id], lambda b: TAKEN.c.at < b),
    ),
)  # fmt: skip
