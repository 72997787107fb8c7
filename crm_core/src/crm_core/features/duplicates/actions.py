"""Saying that two records are not the same, and searching all records for pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.entity import access
from crm_core.errors import Invalid, NotFound
from crm_core.features.duplicates.models import Duplicate, NotDuplicate
from crm_core.features.duplicates.schemas import FindDuplicates
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
SEARCH = "core.duplicates.search"


def entity_named(uow: UnitOfWork, name: str) -> Entity:
    """Return an entity whose records are compared; NotFound for another."""
    entity = uow.registry.entities.get(name)
    if entity is None or not entity.mergeable:
        raise NotFound(_("There is no such kind of record."))
    return entity


async def dismiss(uow: UnitOfWork, entity: Entity, first: UUID, second: UUID) -> None:
    """Remember that two records are not the same; needs the right to edit both. Twice is as good as once."""
    if first == second:
        raise Invalid(_("These are one and the same record."))
    low, high = sorted((first, second))
    for key in (low, high):
        await access.get(uow, entity, key, "edit")
    n: Any = NotDuplicate.__table__
    pair = {"entity": entity.name, "first_id": low, "second_id": high}
    uow.session.sync_session.info["hold"].mark()
    known = sa.select(n.c.id).where(*(n.c[k] == v for k, v in pair.items()))
    if await uow.session.scalar(known) is None:
        uow.session.add(NotDuplicate(**pair, by_id=uow.actor.user_id))
    d: Any = Duplicate.__table__
    await uow.session.execute(sa.delete(d).where(*(d.c[k] == v for k, v in pair.items())))


async def search_all(uow: UnitOfWork, entity: str = "") -> UUID:
    """Look through all records in the background; one search of a kind at a time."""
    return await uow.enqueue(FindDuplicates(entity=entity), key=f"core.duplicates:{entity}")
