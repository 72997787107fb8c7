"""Changing many records in set statements, with an event for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.entity.changes import folds, told_columns
from crm_core.entity.folding import fold
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def bulk_update(uow: UnitOfWork, entity: Entity, where: sa.ColumnElement[bool], values: dict[str, Any]) -> int:
    """Set the same column values on every record that matches; return how many changed.

    The rows are locked, their values before are read, and each becomes one event of this transaction.
    `values` are columns of the model, already cleaned; rights are part of `where`.
    """
    changes = uow.demand_write()
    table: Any = entity.model.__table__
    names = [n for n in values if n in told_columns(entity.model)]
    uow.session.sync_session.info["hold"].mark()
    before = (
        await uow.session.execute(sa.select(table.c.id, *(table.c[n] for n in names)).where(where).with_for_update())
    ).all()
    changed = [row for row in before if any(getattr(row, n) != values[n] for n in names)]
    if not changed:
        return 0
    twins = {twin: fold(values[src] or "")[:size] for twin, src, size in folds(entity.model) if src in values}
    ids = [row.id for row in changed]
    for start in range(0, len(ids), 500):
        await uow.session.execute(
            sa.update(table)
            .where(table.c.id.in_(ids[start : start + 500]))
            .values(**values, **twins, version=table.c.version + 1, updated_at=uow.now)
        )
    for row in changed:
        old = {n: getattr(row, n) for n in names if getattr(row, n) != values[n]}
        changes.note(entity, row.id, "updated", old, {n: values[n] for n in old})
        loaded = uow.session.sync_session.identity_map.get(
            sa.inspect(entity.model).identity_key_from_primary_key((row.id,))
        )
        if loaded is not None:
            await uow.session.refresh(loaded)
    return len(changed)
