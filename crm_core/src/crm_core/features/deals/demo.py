"""Sample data: sixty deals in every stage, closed ones over the last half year."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.entity.stages import LOST, WON, Stage, default_pipeline, stages_of
from crm_core.features.companies.models import Company
from crm_core.features.contacts.models import Contact
from crm_core.features.sample import Owner, at, choices, day, every, make

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

COUNT = 60
SUBJECTS = (
    "annual licence", "Wartungsvertrag", "pilot project", "Erweiterung", "framework agreement", "Schulungspaket",
    "migration", "Neuausstattung", "support renewal", "Standortvernetzung",
)  # fmt: skip
PRODUCTS = ("Basic", "Professional", "Enterprise", "Consulting", "Training")
REASONS = ("Price", "Competitor", "No budget", "Projekt verschoben", "No decision")


async def load(uow: UnitOfWork, as_of: date) -> None:
    """Make the deals in the default pipeline."""
    pick = choices("deals")
    pipeline = await default_pipeline(uow, "core.deal")
    if pipeline is None:
        return
    stages = await stages_of(uow, pipeline.id)
    weights = [{WON: 5, LOST: 3}.get(s.category, 4) for s in stages]
    companies = await every(uow, Company)
    for number in range(COUNT):
        company = companies[(number * 7) % len(companies)]
        contact = await uow.session.scalar(
            sa.select(Contact.id).where(Contact.company_id == company.id).order_by(Contact.id).limit(1)
        )
        stage = pick.choices(stages, weights)[0]
        values = _values(pick, as_of, stage)
        owner = Owner(company.owner_id, company.team_id, "") if company.owner_id else None
        name = f"{company.name}: {pick.choice(SUBJECTS)}"
        links = {"company_id": company.id, "contact_id": contact, "pipeline_id": pipeline.id, "stage_id": stage.id}
        await make(uow, "core.deal", owner, name=name, reference=f"D-{number + 1001}", **links, **values)


def _values(pick: Any, as_of: date, stage: Stage) -> dict[str, Any]:
    closed = stage.category in (WON, LOST)
    end = -pick.randint(1, 170) if closed else 0
    begin = end - pick.randint(8, 70)
    return {
        "amount": Decimal(pick.randint(8, 900) * 100),
        "amount_currency": pick.choices(("EUR", "USD", "GBP", "CHF"), (8, 1, 1, 1))[0],
        "product": pick.choice(PRODUCTS),
        "engaged_on": day(as_of, begin) if closed or stage.position > 0 else None,
        "closed_on": day(as_of, end) if closed else None,
        "expected_close_on": day(as_of, end if closed else pick.randint(5, 95)),
        "lost_reason": pick.choice(REASONS) if stage.category == LOST else None,
        "tags": ["Key account"] if pick.random() < 0.15 else [],
        "created_at": at(as_of, begin - pick.randint(1, 10), 8, pick.randint(0, 59)),
    }
