"""What a webhook is told of an event: what the event API shows, as far as the webhook's owner may read it."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from crm_core.entity import access, single
from crm_core.entity.values import labels
from crm_core.features.event_log.public import EventDetail, event_of
from crm_core.features.webhooks.models import Webhook
from crm_core.plugin import Entity, Ref
from crm_core.uow import UnitOfWork

RECORD_KINDS = ("created", "updated", "deleted", "restored", "merged", "purged")


async def message(uow: UnitOfWork, webhook: Webhook, event_id: Any) -> bytes | None:
    """Return the body; None for an event that the actor, the webhook's owner, may not read or the filter leaves out."""
    event = await event_of(uow, event_id)
    entity = uow.registry.entities.get(event.entity or "")
    if not await _may_read(uow, entity, event):
        return None
    if webhook.filter and (
        entity is None
        or event.record_id is None
        or not await single.holds(uow, entity, event.record_id, webhook.filter)
    ):
        return None
    return msgspec.json.encode(await _bounded(uow, entity, event))


async def _may_read(uow: UnitOfWork, entity: Entity | None, event: EventDetail) -> bool:
    if uow.actor.may("core.events.read"):
        return True
    if entity is None or event.record_id is None or not event.type.startswith(f"{entity.name}."):
        return False
    if entity.public_read and event.type.rpartition(".")[2] not in RECORD_KINDS:
        return False  # everybody reads users, not what happens to their passwords
    table = access.table_of(entity)
    visible = access.rows(uow.registry, uow.actor, entity, "read", deleted=None)
    return await uow.session.scalar(sa.select(sa.literal(1)).where(table.c.id == event.record_id, visible)) is not None


async def _bounded(uow: UnitOfWork, entity: Entity | None, event: EventDetail) -> EventDetail:
    """Leave out links to records the owner may not read, and fields readable on some rows only, as timelines do."""
    if uow.actor.rights.everything:
        return event
    known = await labels(uow, [Ref.parse(text) for text in event.about])
    own = f"{event.entity}:{event.record_id}"
    event.about = [text for text in event.about if text == own or Ref.parse(text) in known]
    barred = {x.name for x in uow.registry.fields(entity) if x.readable is not None} if entity is not None else set()
    for side in ("before", "after"):
        values = (event.payload or {}).get(side)
        if barred and isinstance(values, dict) and event.payload is not None:
            event.payload[side] = {k: v for k, v in values.items() if k.partition(".")[0] not in barred}
    return event
