"""Giving a new record to somebody of a pool, where assignment is installed."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING
from uuid import UUID

from crm_core.plugin.declare import Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

ASSIGNMENT = "crm_core.features.assignment"


async def assign(uow: UnitOfWork, pool_id: UUID, about: Ref) -> None:
    """Offer a new record to a pool; nothing happens without the feature. What it does not take stays as it is."""
    if find_spec(ASSIGNMENT) is not None:
        pools = import_module(f"{ASSIGNMENT}.public")
        pools.claim(uow, about.id)
        await uow.settle()
        await pools.offer(uow, pool_id, about)
