"""Sample visits at the sample companies."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.plugin import records
from crm_core.testing.sample_plugin.entities import DONE, PLANNED, VISIT
from crm_core.testing.sample_plugin.models import Visit

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

# subject, days from the day of loading, minutes
VISITS = (
    ("Getting to know each other", -40, 60),
    ("Tour of the new hall", -12, 90),
    ("Renewal of the contract", 9, None),
)


async def load(uow: UnitOfWork, as_of: date) -> None:
    """Load three visits; nothing where they are already."""
    if await uow.session.scalar(sa.select(Visit.id).where(Visit.subject == VISITS[0][0])) is not None:
        return
    company = uow.registry.entity("core.company").model
    companies = list(await uow.session.scalars(sa.select(company.id).order_by(company.name_f).limit(len(VISITS))))
    for number, (subject, days, minutes) in enumerate(VISITS):
        values = {
            "subject": subject,
            "visited_on": as_of + timedelta(days=days),
            "minutes": minutes,
            "outcome": PLANNED if minutes is None else DONE,
            "company_id": companies[number % len(companies)] if companies else None,
        }
        await records.create(uow, VISIT, values, trusted=True)
