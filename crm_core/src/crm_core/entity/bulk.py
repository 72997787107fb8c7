"""Changing many records in set statements, with an event for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.db.types import Json
from crm_core.entity.changes import differing, folds, told_columns
from crm_core.entity.custom_fields import PREFIX
from crm_core.entity.custom_sql import with_values
from crm_core.entity.custom_values import apart, settle
from crm_core.entity.folding import fold
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def bulk_update(uow: UnitOfWork, entity: Entity, where: sa.ColumnElement[bool], values: dict[str, Any]) -> int:
    """Set the same column values on every record that matches; return how many changed.

    The rows are locked, their values before are read, and each becomes one event of this transaction.
    `values` are columns of the model, already cleaned, and custom fields ("custom.region") as their JSON holds
    them; rights are part of `where`.
    """
    changes = uow.demand_write()
    table: Any = entity.model.__table__
    values, custom = apart(values)
    if custom:
        await settle(uow, entity, more := {f"{PREFIX}{k}": v for k, v in custom.items()})
        custom = apart(more)[1]
    names = [n for n in values if n in told_columns(entity.model)] + (["custom"] if custom else [])
    uow.session.sync_session.info["hold"].mark()
    before = (
        await uow.session.execute(
            sa.select(table.c.id, *(table.c[n] for n in names)).where(where).with_for_update(key_share=True)
        )
    ).all()
    values_of = {row.id: {**values, **_merged(row, custom)} for row in before}
    changed = [row for row in before if any(getattr(row, n) != values_of[row.id][n] for n in names)]
    if not changed:
        return 0
    twins = {twin: fold(values[src] or "")[:size] for twin, src, size in folds(entity.model) if src in values}
    ids = [row.id for row in changed]
    merged = {"custom": with_values(table.c.custom, sa.literal(custom, Json()))} if custom else {}
    for start in range(0, len(ids), 500):
        await uow.session.execute(
            sa.update(table)
            .where(table.c.id.in_(ids[start : start + 500]))
            .values(**values, **merged, **twins, version=table.c.version + 1, updated_at=uow.now)
        )
    for row in changed:
        new = values_of[row.id]
        old = {n: getattr(row, n) for n in names if getattr(row, n) != new[n]}
        changes.note(entity, row.id, "updated", *differing(old, {n: new[n] for n in old}))
        loaded = uow.session.sync_session.identity_map.get(
            sa.inspect(entity.model).identity_key_from_primary_key((row.id,))
        )
        if loaded is not None:
            await uow.session.refresh(loaded)
    return len(changed)


def _merged(row: Any, custom: dict[str, Any]) -> dict[str, Any]:
    """Return the custom values of a row with these among them."""
    if not custom:
        return {}
    return {"custom": {k: v for k, v in {**row.custom, **custom}.items() if v is not None}}
