"""The sink that makes a delivery of each event for each webhook that wants it; jobs send them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from crm_core.auth.actor import system
from crm_core.db.types import new_id
from crm_core.features.webhooks.models import Webhook, WebhookDelivery
from crm_core.features.webhooks.rules import wants
from crm_core.features.webhooks.schemas import DeliverWebhook
from crm_core.plugin import EventBatch, EventSink
from crm_core.uow import UnitOfWork

NAME = "core.webhooks"
ACTOR = system("webhooks")
TOGETHER = 200
LIVING = (Webhook.is_active, Webhook.deleted_at.is_(None))


async def active(uow: UnitOfWork) -> bool:
    """Return whether any webhook is switched on."""
    return await uow.session.scalar(sa.select(Webhook.id).where(*LIVING).limit(1)) is not None


async def send(batch: EventBatch) -> None:
    """Write deliveries and their jobs in one transaction; a batch that comes again adds nothing."""
    async with batch.kernel.read(ACTOR) as uow:
        webhooks = list(await uow.session.scalars(sa.select(Webhook).where(*LIVING)))
    rows = [delivery(w, e.id, e.type, e.entity, e.record_id) for e in batch for w in webhooks if wants(w, e.type)]
    for start in range(0, len(rows), TOGETHER):
        async with batch.kernel.write(ACTOR) as uow:
            await put(uow, rows[start : start + TOGETHER])


def delivery(
    webhook: Webhook, event_id: Any, kind: str, entity: str | None, record_id: Any, **more: Any
) -> dict[str, Any]:
    """Return the row of a new delivery."""
    return {
        "id": new_id(), "webhook_id": webhook.id, "event_id": event_id, "type": kind, "entity": entity,
        "record_id": record_id, "message_id": str(event_id), "state": "waiting", "attempts": 0, "response": "",
        "error": "", "replay_of": None, **more,
    }  # fmt: skip


async def put(uow: UnitOfWork, rows: Sequence[dict[str, Any]]) -> int:
    """Insert deliveries that are not there yet, each with its job; return how many."""
    uow.demand_write()
    insert: Any = sqlite.insert if uow.db.dialect == "sqlite" else postgresql.insert
    values = [{**row, "created_at": uow.now, "due_at": uow.now} for row in rows]
    made = await uow.session.execute(
        insert(WebhookDelivery).values(values).on_conflict_do_nothing().returning(WebhookDelivery.id)
    )
    new = {row[0] for row in made}
    for row in rows:
        if row["id"] in new:
            # One lane per webhook and record: what fails holds up this record's later events and nothing else.
            lane = f"webhook:{row['webhook_id']}:{row['record_id'] or row['id']}"
            await uow.enqueue(DeliverWebhook(delivery_id=row["id"]), lane=lane)
    return len(new)


SINK = EventSink(NAME, send, active=active)
