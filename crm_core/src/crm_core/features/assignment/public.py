"""Assignment for others: `receipt = await assign(uow, pool_id, Ref("core.lead", lead.id))`.

The record is given out in this transaction. The pool's turn is held until it ends, so that parallel assignments are
fair and no capacity is passed; keep such transactions short.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from crm_core.features.assignment import actions, queries
from crm_core.features.assignment.actions import PoolSwitchedOff, PoolUnknown, RecordNotForPool
from crm_core.features.assignment.models import Pool, PoolMember
from crm_core.features.assignment.schemas import Candidate, Receipt
from crm_core.plugin.declare import Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def assign(uow: UnitOfWork, pool_id: UUID, about: Ref, *, skills: Mapping[str, int] | None = None) -> Receipt:
    """Give a record to a member of a pool and return the receipt; whoever calls has checked the actor's right to it.

    skills: levels this record needs beside the pool's. When nobody can take it, the fallback does, and the pool's
    owner is told. Raises PoolUnknown, PoolSwitchedOff, RecordNotForPool.
    """
    return await actions.assign(uow, pool_id, about, skills=skills)


def claim(uow: UnitOfWork, record_id: UUID) -> None:
    """Keep automatic pools from a new record that the caller gives out in this transaction; before `uow.settle()`."""
    actions.claim(uow, record_id)


async def offer(uow: UnitOfWork, pool_id: UUID, about: Ref) -> Receipt | None:
    """Give a record out as `assign` does, from where no person can be asked to choose another pool.

    A pool that is switched off, or whose filter leaves the record out, leaves the record as it is: the receipt says
    so, and of one that is off its owner is told. None when there is no such pool.
    """
    return await actions.offer(uow, pool_id, about)


async def receipts(uow: UnitOfWork, about: Ref) -> list[Receipt]:
    """Return the receipts of a record the actor may read, the latest first; NotFound otherwise."""
    return await queries.receipts(uow, about)


__all__ = [
    "Candidate", "Pool", "PoolMember", "PoolSwitchedOff", "PoolUnknown", "Receipt", "RecordNotForPool", "assign",
    "claim", "offer", "receipts",
]  # fmt: skip
