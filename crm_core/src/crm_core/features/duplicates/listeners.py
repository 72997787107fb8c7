"""The hint when a record is made that may be there already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_core.entity.changes import Happened
from crm_core.errors import MayBeThere
from crm_core.features.duplicates.queries import find_duplicates
from crm_core.i18n import Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


async def hint(uow: UnitOfWork, event: Happened) -> None:
    """Refuse a new record, or note it, when the caller wants to hear of what may be the same: `uow.duplicates`."""
    entity = uow.registry.entities.get(event.entity or "")
    if not uow.duplicates or entity is None or not entity.mergeable or event.record_id is None:
        return
    values: dict[str, Any] = {}
    for name, value in event.after.items():
        start, dot, _id = name.partition(".")
        if not dot:
            values[name] = value
        elif value:
            values.setdefault(start, []).append(value)
    found = await find_duplicates(uow, entity, values, exclude={event.record_id})
    if not found:
        return
    if uow.duplicates == "refuse":
        raise MayBeThere(_("This may be there already."), duplicates=found)
    uow.found_duplicates += found


def is_new(event: Happened) -> bool:
    """Return whether a record was made; for `Listener(wants=…)`."""
    return event.kind == "created" and event.entity is not None and event.event is None
