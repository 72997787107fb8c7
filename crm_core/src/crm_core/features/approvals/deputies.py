"""Who stands in for whom, as far as absences are known here."""

from __future__ import annotations

from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

WORKTIME = "crm_core.features.worktime"


async def deputy_of(uow: UnitOfWork, user_id: UUID, at: datetime) -> UUID | None:
    """Return who stands in for a user at an instant; None when they are there, nobody does, or nobody knows."""
    if find_spec(WORKTIME) is None:
        return None
    found: UUID | None = await import_module(f"{WORKTIME}.public").deputy_of(uow, user_id, at)
    return found
