"""Giving a new record to somebody of a pool, where assignment is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from crm_core.plugin.declare import Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def assign(uow: UnitOfWork, pool_id: UUID, about: Ref) -> None:
    """Assign a record to a member of a pool; nothing happens without the feature."""
    try:
        from crm_core.features.assignment import public
    except ImportError:
        return
    await public.assign(uow, pool_id, about)
