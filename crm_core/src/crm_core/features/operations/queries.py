"""What the next clearing out would delete."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from crm_core.features.operations.schemas import RetentionOut
from crm_core.features.operations.settings import RetentionSettings, days_of
from crm_core.i18n import show
from crm_core.plugin import hookspecs

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def due(uow: UnitOfWork) -> list[RetentionOut]:
    """Return every kind with its days and how many of it are older; nothing is deleted."""
    settings = await uow.settings(RetentionSettings)
    found = []
    for kind in uow.registry.gather(hookspecs.crm_retention):
        days = days_of(kind, settings)
        number = await kind.count(uow, uow.now - timedelta(days=days)) if days else 0
        found.append(RetentionOut(kind.name, show(kind.label, uow.locale), days, number))
    return found
