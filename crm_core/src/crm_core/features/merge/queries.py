"""How much hangs on records, for the page that merges them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.features.merge.references import references
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def counts(uow: UnitOfWork, entity: Entity, ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return how many rows refer to each record, whoever may see them; a query per kind of rows."""
    found = dict.fromkeys(ids, 0)
    for reference in references(uow.registry, entity):
        column = reference.table.c[reference.column]
        query = sa.select(column, sa.func.count()).where(column.in_(ids)).group_by(column)
        if reference.of is not None:
            query = query.where(reference.table.c[reference.of] == entity.name)
        for key, number in await uow.session.execute(query):
            found[key] += number
    return found
