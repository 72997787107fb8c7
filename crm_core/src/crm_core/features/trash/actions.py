"""Deleting records for good."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from crm_core.entity import access
from crm_core.errors import Conflict, Forbidden
from crm_core.features.trash.removal import remove
from crm_core.plugin import Entity, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
PURGE = "core.trash.purge"


class StillNeeded(Conflict):
    """Other records cannot be without this one: deals in a stage, say."""


async def purge(uow: UnitOfWork, entity: Entity, record_id: UUID) -> str:
    """Delete a record for good that is in the trash, and return its title.

    NotFound for one that is not in the trash or not the actor's to delete, Forbidden without the right,
    StillNeeded when others need it. Its events stay; the last one says who did this.
    """
    if not uow.actor.may(PURGE):
        raise Forbidden(_("You lack the right {permission}.", permission=PURGE))
    record = await access.get(uow, entity, record_id, "delete", deleted=True)
    title = str(getattr(record, entity.title, None) or "–")
    try:
        async with uow.savepoint():
            await remove(uow, entity, record_id)
    except IntegrityError as error:
        text = _("Other records still need this {label}.", label=entity.label)
        raise StillNeeded(text) from error
    uow.session.sync_session.expunge(record)
    uow.demand_write().note(entity, record_id, "purged", {}, {})
    return title
