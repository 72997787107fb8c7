"""Records as they were: the present row with later changes undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.entity.changes import by_field, told_columns
from crm_core.entity.event_rows import EventData, EventRow, EventText
from crm_core.errors import NotFound
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class HistoryCut(NotFound):
    """The log does not reach back to the event asked for."""


async def state_at(uow: UnitOfWork, entity: Entity, record_id: UUID, event_id: UUID) -> dict[str, Any]:
    """Return the told fields of a record as they were right after an event, as events spell them.

    Values come as plain JSON values (ids and amounts as text). Before its creation: NotFound. The caller
    has checked that the actor may see the record.
    """
    record = await uow.session.get(entity.model, record_id)
    names = told_columns(entity.model)

    values = by_field({n: msgspec.to_builtins(getattr(record, n)) for n in names}) if record is not None else {}
    if await uow.session.get(EventRow, event_id) is None:
        raise HistoryCut(_("The history does not reach back to this event."))
    later = (
        sa.select(EventRow.type, EventData.payload)
        .join(EventData, EventData.event_id == EventRow.id, isouter=True)
        .where(
            EventRow.entity == entity.name, EventRow.record_id == record_id, EventRow.id > event_id,
            EventRow.type.startswith(f"{entity.name}."),
        )
        .order_by(EventRow.id.desc())
    )  # fmt: skip
    for kind, payload in await uow.session.execute(later):
        if payload is None:
            raise HistoryCut(_("The history does not reach back to this event."))
        if kind.endswith(".created"):
            raise NotFound(_("The record did not exist yet."))
        values.update(await whole(uow, payload.get("before", {})))
    return {k: v for k, v in values.items() if k in names or "." in k}


async def whole(uow: UnitOfWork, values: dict[str, Any]) -> dict[str, Any]:
    """Return values with long texts put back from where they are kept."""
    found = dict(values)
    for name, value in values.items():
        if isinstance(value, dict) and set(value) == {"text", "start"}:
            row = await uow.session.get(EventText, value["text"])
            found[name] = row.text if row else value["start"]
    return found
