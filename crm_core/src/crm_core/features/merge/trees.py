"""Links between records of the same kind: merging a company with its parent or its grandchild makes no circle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.entity import fields as f
from crm_core.errors import Conflict
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
DEEPEST = 100


class CircleInTree(Conflict):
    """A record would come to lie above itself."""


def own_links(entity: Entity) -> list[str]:
    """Return the links of an entity's records to others of the same kind."""
    return [x.name for x in entity.fields if isinstance(x, f.Link) and x.target == entity.name]


async def place(uow: UnitOfWork, entity: Entity, winner: Any, losers: Sequence[Any]) -> dict[str, Any]:
    """Return where the winner has to go: a loser somewhere above it leaves it its own place in the tree."""
    gone, found = {r.id: r for r in losers}, {}
    for name in own_links(entity):
        above = await _path(uow, entity, name, winner.id)
        highest = next((key for key in reversed(above) if key in gone), None)
        if highest is not None:
            found[name] = getattr(gone[highest], name)
    return found


async def demand_no_cycle(uow: UnitOfWork, entity: Entity, winner: Any) -> None:
    """Raise CircleInTree if the winner lies above itself."""
    for name in own_links(entity):
        if winner.id in await _path(uow, entity, name, winner.id):
            raise CircleInTree(_("This would put a record above itself in its tree."))


async def _path(uow: UnitOfWork, entity: Entity, name: str, start: UUID) -> list[UUID]:
    """Return the records above one, nearest first; it ends where it meets itself."""
    table = entity.model.__table__
    found: list[UUID] = []
    key: UUID | None = start
    while len(found) < DEEPEST:
        key = await uow.session.scalar(sa.select(table.c[name]).where(table.c.id == key))
        if key is None:
            break
        found.append(key)
        if key == start or found.count(key) > 1:
            break
    return found
