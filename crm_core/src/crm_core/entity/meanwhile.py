"""What others changed in a record since somebody read it: different fields merge, the same field is a conflict."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from crm_core.entity.custom_fields import PREFIX
from crm_core.entity.custom_values import current
from crm_core.entity.event_rows import EventData, EventRow
from crm_core.errors import NotFound
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


async def lock(uow: UnitOfWork, record: Any) -> None:
    """Read a record again as it is now, and keep others from changing it until the end of the transaction.

    Two who write at the same moment would else both find the version they know, and the later one would
    fail at its flush, too late to tell which fields differ. NotFound when it went to the trash meanwhile.
    """
    uow.demand_write()
    uow.session.sync_session.info["hold"].mark()  # on SQLite the lock is the writer's
    # Not against those who only refer to it: a foreign key's check of theirs would else wait for us.
    await uow.session.refresh(record, with_for_update={"key_share": True})
    if record.deleted_at is not None:
        raise NotFound(_("There is no such record."))


async def settle(
    uow: UnitOfWork, entity: Entity, record: Any, version: int, changed: dict[str, Any], rest: dict[str, Any]
) -> None:
    """Take out of `changed` and `rest` what the caller only sent back as read: a form sends all its fields.

    RecordChanged with both values when a field was changed by both.
    """
    from crm_core.uow import RecordChanged

    before = await _before(uow, entity, record, version)
    for given in (changed, rest):
        for name in [n for n, v in given.items() if n in before and _same(v, before[n])]:
            del given[name]
    clash = sorted((set(changed) | set(rest)) & {n if n.startswith(PREFIX) else n.partition(".")[0] for n in before})
    if clash or version > record.version:
        both = {k: {"yours": changed.get(k, rest.get(k)), "theirs": current(record, k)} for k in clash}
        raise RecordChanged(_("Somebody else changed this record meanwhile."), conflicts=both, version=record.version)


async def _before(uow: UnitOfWork, entity: Entity, record: Any, version: int) -> dict[str, Any]:
    """Return every field that changed since `version`, with its value at that version as the events tell it."""
    newest = (
        sa.select(EventData.payload)
        .join(EventRow, EventRow.id == EventData.event_id)
        .where(
            EventRow.entity == entity.name, EventRow.record_id == record.id, EventRow.type.startswith(f"{entity.name}.")
        )
        .order_by(EventRow.id.desc())
        .limit(max(0, record.version - version))
    )
    found: dict[str, Any] = {}
    for payload in await uow.session.scalars(newest):
        before, after = payload.get("before", {}), payload.get("after", {})
        found |= {name: before.get(name) for name in {*before, *after}}
    return found


def _same(value: Any, told: Any) -> bool:
    """Return whether a value is the one an event tells; tags and links have no order."""
    if isinstance(value, Decimal) and isinstance(told, str | int):
        return value == Decimal(told)  # 10 and 10.00 are one number
    plain = msgspec.to_builtins(value)
    if isinstance(plain, list) and isinstance(told, list):
        return sorted(map(str, plain)) == sorted(map(str, told))
    return bool(plain == told)
