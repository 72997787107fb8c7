"""The log of deliveries, newest first."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from crm_core.entity import access
from crm_core.features.webhooks.models import Webhook, WebhookDelivery
from crm_core.features.webhooks.schemas import DeliveriesPage, DeliveryOut
from crm_core.uow import UnitOfWork

STATES = ("waiting", "delivered", "failed", "skipped")
MOST = 200


async def webhook_of(uow: UnitOfWork, webhook_id: UUID, verb: str = "read") -> Webhook:
    """Return a webhook that the actor may `verb`."""
    found: Webhook = await access.get(uow, uow.registry.entity("core.webhook"), webhook_id, verb)
    return found


async def deliveries(
    uow: UnitOfWork, webhook_id: UUID, *, in_state: str = "", before: UUID | None = None, limit: int = 50
) -> DeliveriesPage:
    """Return deliveries of a webhook that the caller has checked the right to read."""
    limit = max(1, min(limit, MOST))
    query = sa.select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    if in_state:
        query = query.where(WebhookDelivery.state == in_state)
    if before is not None:
        query = query.where(WebhookDelivery.id < before)
    rows = list(await uow.session.scalars(query.order_by(WebhookDelivery.id.desc()).limit(limit + 1)))
    items = [DeliveryOut(**{n: getattr(r, n) for n in DeliveryOut.__struct_fields__}) for r in rows[:limit]]
    return DeliveriesPage(items=items, next=str(rows[limit - 1].id) if len(rows) > limit else None)
