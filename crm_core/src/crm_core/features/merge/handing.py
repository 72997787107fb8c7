"""Handing what hangs on one record to another of any kind: activities, comments and files of a converted lead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_core.db.types import new_id
from crm_core.entity.inserts import insert, insert_rows, send
from crm_core.features.merge.models import Merge, Move
from crm_core.features.merge.moves import Ledger, move, used
from crm_core.features.merge.references import references
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

PARENT = "parent_entity"


async def hand_over(uow: UnitOfWork, source: Entity, record: Any, target: Entity, other: Any) -> dict[str, int]:
    """Make `other` the parent of every row whose parent is `record`; return how many, per table.

    Written to the ledger, so that an undo of this cause puts them back.
    """
    await send(uow)
    ledger = Ledger(new_id())
    wanted = [r for r in references(uow.registry, source) if r.of == PARENT]
    for reference in await used(uow, wanted, source.name, [record.id]):
        await move(uow, reference, source.name, [record.id], target.name, other, ledger)
    if ledger.rows:
        insert(uow, Merge(id=ledger.merge_id, cause=uow.cause, kind="handed", entity=target.name, winner_id=other.id,
                          by_id=uow.actor.user_id))  # fmt: skip
        insert_rows(uow, Move, ledger.rows)
    return ledger.counts
