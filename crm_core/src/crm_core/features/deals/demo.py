"""Sample data: sixty deals in every stage of two pipelines, closed ones over the last half year."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.entity.stages import LOST, OPEN, WON, Stage, default_pipeline, stages_of
from crm_core.features.companies.models import Company
from crm_core.features.contacts.models import Contact
from crm_core.features.deals.models import DealRole
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
# name, category, colour, probability, days until a deal counts as stuck, fields it asks for
PARTNERS: tuple[tuple[str, str, str, int, int | None, list[str]], ...] = (
    ("Contacted", OPEN, "grey", 20, 14, []),
    ("Trial", OPEN, "violet", 60, 30, ["expected_close_on"]),
    ("Signed", WON, "green", 100, None, ["amount"]),
    ("Declined", LOST, "red", 0, None, []),
)
WITH_PARTNERS = 52  # the deals from this number on are in the second pipeline


async def load(uow: UnitOfWork, as_of: date) -> None:
    """Make the deals in the default pipeline and in one for partners."""
    pick = choices("deals")
    pipeline = await default_pipeline(uow, "core.deal")
    if pipeline is None:
        return
    own, partners = await stages_of(uow, pipeline.id), await _partners(uow)
    companies, roles = await every(uow, Company), [r.id for r in await every(uow, DealRole)]
    for number in range(COUNT):
        stages = own if number < WITH_PARTNERS else partners
        weights = [{WON: 5, LOST: 3}.get(s.category, 4) for s in stages]
        company = companies[(number * 7) % len(companies)]
        known = sa.select(Contact.id).where(Contact.company_id == company.id).order_by(Contact.id).limit(3)
        people = list(await uow.session.scalars(known))
        stage = pick.choices(stages, weights)[0]
        values = _values(pick, as_of, stage)
        owner = Owner(company.owner_id, company.team_id, "") if company.owner_id else None
        name = f"{company.name}: {pick.choice(SUBJECTS)}"
        links: dict[str, Any] = {"company_id": company.id, "pipeline_id": stage.pipeline_id, "stage_id": stage.id}
        links["contacts"] = [
            {"contact_id": key, "role_id": pick.choice([None, *roles]), "is_primary": not place}
            for place, key in enumerate(people[: pick.choice((1, 1, 2, 3))])
        ]
        await make(uow, "core.deal", owner, name=name, reference=f"D-{number + 1001}", **links, **values)


async def _partners(uow: UnitOfWork) -> list[Stage]:
    """Make the second pipeline and return its stages."""
    made = await make(uow, "core.pipeline", None, name="Partners", position=1)
    for position, (name, category, colour, probability, rotting, required) in enumerate(PARTNERS):
        await make(
            uow, "core.stage", None, pipeline_id=made.id, name=name, category=category, colour=colour,
            probability=Decimal(probability), rotting_days=rotting, required=required, position=position,
        )  # fmt: skip
    await uow.settle()
    return await stages_of(uow, made.id)


def _values(pick: Any, as_of: date, stage: Stage) -> dict[str, Any]:
    closed = stage.category in (WON, LOST)
    end = -pick.randint(1, 170) if closed else 0
    begin = end - pick.randint(8, 70)
    engaged = closed or stage.position > 0
    found = {
        "amount": Decimal(pick.randint(8, 900) * 100),
        "amount_currency": pick.choices(("EUR", "USD", "GBP", "CHF"), (8, 1, 1, 1))[0],
        "product": pick.choice(PRODUCTS),
        "engaged_on": day(as_of, begin) if engaged else None,
        "closed_on": day(as_of, end) if closed else None,
        "expected_close_on": day(as_of, end if closed else pick.randint(5, 95)),
        "lost_reason": pick.choice(REASONS) if stage.category == LOST else None,
        "tags": ["Key account"] if pick.random() < 0.15 else [],
        "created_at": at(as_of, begin - pick.randint(1, 10), 8, pick.randint(0, 59)),
    }
    return found if engaged else {**found, "stage_entered_at": found["created_at"]}
