"""Sample data: thirty leads from all sources."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from crm_core.features.sample import CITIES, FIRST_NAMES, LAST_NAMES, address, at, choices, make, owners, phone

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

COUNT = 30
FIRMS = (
    "Ahrens Metallbau", "Blue Heron Cafés", "Castle Hill Dental", "Dachdeckerei Vogt", "Exeter Cycles", "Fährhaus",
    "Greenfield Schools", "Havel Yachten", "Ivy Lane Nurseries", "Jade Windkraft", "Kranz Floristik", "Larkspur Media",
    "Mosel Weinkontor", "Nettleton Farms", "Ostsee Reederei", "Primrose Clinics", "Quarz Labortechnik", "Redwood Gyms",
    "Spree Digital", "Tanner & Co",
)  # fmt: skip
STATUSES = ("new", "new", "new", "contacted", "contacted", "qualified", "unqualified")
SOURCES = ("website", "website", "referral", "event", "campaign", "phone", "partner")
NOTES = (
    "Asked for a demo next week.",
    "Bittet um ein Angebot für 25 Arbeitsplätze.",
    "Met at the trade fair; wants references.",
    "Hat das Whitepaper heruntergeladen.",
    "Currently with a competitor, contract ends in spring.",
    None,
)


async def load(uow: UnitOfWork, as_of: date) -> None:
    """Make the leads, newest first by number."""
    pick = choices("leads")
    people = [o for o in await owners(uow) if not o.email.startswith(("admin", "readonly", "support"))]
    for number in range(COUNT):
        firm = FIRMS[number % len(FIRMS)]
        name = f"{pick.choice(FIRST_NAMES)} {pick.choice(LAST_NAMES)}"
        domain = "".join(c for c in firm.lower() if c.isascii() and c.isalnum()) + ".example"
        city = pick.choice(CITIES)
        await make(
            uow,
            "core.lead",
            people[number % len(people)],
            name=name,
            company_name=firm,
            job_title=pick.choice(("Owner", "Inhaber", "Buyer", "Office manager", "Leiterin Vertrieb")),
            email=address(name, domain),
            phone=phone(pick, city[3]),
            status=pick.choice(STATUSES),
            source=pick.choice(SOURCES),
            country=city[2],
            description=pick.choice(NOTES),
            tags=["Trade fair"] if pick.random() < 0.2 else [],
            created_at=at(as_of, -pick.randint(0, 60), pick.randint(7, 17), pick.randint(0, 59)),
        )
