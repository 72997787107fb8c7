"""Who stands in for whom, as far as absences are known here."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def deputy_of(uow: UnitOfWork, user_id: UUID, at: datetime) -> UUID | None:
    """Return who stands in for a user at an instant; None when they are there or nobody does."""
    try:
        from crm_core.features.worktime import public
    except ImportError:
        return None
    return await public.deputy_of(uow, user_id, at)
