"""Custom fields that link to a loser link to the winner: the value is in JSON, so no foreign key tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.db.model import metadata
from crm_core.entity.bulk import bulk_update
from crm_core.entity.custom_values import current
from crm_core.features.merge.moves import Ledger
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def move_custom_links(
    uow: UnitOfWork, entity: Entity, winner: Any, losers: Sequence[Any], ledger: Ledger
) -> None:
    """Set the winner where a custom link of any other record names a loser."""
    gone = {str(r.id) for r in losers}
    for name, ons in sorted(uow.registry.custom.items()):
        holder = uow.registry.entities.get(name)
        for one in ons if holder is not None else ():
            if one.field.kind in ("link", "links") and getattr(one.field, "target", None) == entity.name:
                await _move(uow, holder, one, str(winner.id), gone, ledger)


async def _move(uow: UnitOfWork, holder: Any, one: Any, winner: str, gone: set[str], ledger: Ledger) -> None:
    values, name = metadata.tables["core_field_value"], one.field.name
    ids = [UUID(x) for x in gone]
    held = sa.select(values.c.record_id).where(values.c.field_id == one.id, values.c.ref.in_(ids))
    model = holder.model
    # Links among the merged records themselves are the winner's to choose.
    rows = await uow.session.scalars(sa.select(model).where(model.id.in_(held), model.id.not_in([*ids, UUID(winner)])))
    alike: dict[bytes, tuple[Any, list[UUID]]] = {}
    for row in rows:
        was = current(row, name)
        now = list(dict.fromkeys(winner if x in gone else x for x in was)) if isinstance(was, list) else winner
        ledger.note(model.__table__, {"id": row.id}, {name: was}, {name: now})
        alike.setdefault(msgspec.json.encode(now), (now, []))[1].append(row.id)
    for now, found in alike.values():
        await bulk_update(uow, holder, model.id.in_(found), {name: now})
