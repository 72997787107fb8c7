"""Sample data: the organisation's legal entity and a series of its offers."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from crm_core.features.number_series.actions import ensure_series
from crm_core.features.number_series.queries import default_entity
from crm_core.features.organisation.public import Organisation
from crm_core.features.sample import make

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def load(uow: UnitOfWork, as_of: date) -> None:
    """Make them where they are not yet."""
    if await default_entity(uow) is None:
        own = await uow.settings(Organisation)
        await make(
            uow, "core.legal_entity", None, name=own.name or "Nordlicht Trading GmbH", street=own.street,
            postcode=own.postcode, city=own.city, country=own.country or "DE", vat_id="DE123456789", is_default=True,
        )  # fmt: skip
    await ensure_series(uow, "core.offer", "Offers", "Q-{year}-{number:05}", reset="calendar")
