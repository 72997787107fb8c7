"""Sample data: three people at each company."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from crm_core.features.companies.models import Company
from crm_core.features.sample import FIRST_NAMES, LAST_NAMES, Owner, address, at, choices, day, every, make, phone

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

JOBS = (
    ("Managing director", "Management"), ("Geschäftsführer", "Geschäftsleitung"), ("Head of purchasing", "Purchasing"),
    ("Einkaufsleiterin", "Einkauf"), ("IT manager", "IT"), ("Leiter IT", "IT"), ("Finance director", "Finance"),
    ("Office manager", "Administration"), ("Marketing manager", "Marketing"), ("Projektleiter", "Projekte"),
    ("Operations manager", "Operations"), ("Assistentin der Geschäftsleitung", "Geschäftsleitung"),
)  # fmt: skip
TAGS = ("Decision maker", "Newsletter", "Trade fair", "VIP")


async def load(uow: UnitOfWork, as_of: date) -> None:
    """Make the contacts, owned by their company's owner."""
    pick = choices("contacts")
    taken: set[str] = set()
    companies = await every(uow, Company)
    for place, company in enumerate(companies):
        for number in range(3):
            first, last = pick.choice(FIRST_NAMES), pick.choice(LAST_NAMES)
            while f"{first} {last}" in taken:
                first, last = pick.choice(FIRST_NAMES), pick.choice(LAST_NAMES)
            taken.add(f"{first} {last}")
            other = companies[(place + 7) % len(companies)] if number == 2 and place % 3 == 0 else None
            await _make(uow, as_of, company, first, last, other)


async def _make(
    uow: UnitOfWork, as_of: date, company: Company, first: str, last: str, other: Company | None
) -> None:  # fmt: skip
    """Make one contact; `other` is where the person was before, or sits on the board beside."""
    pick = choices(f"{first} {last}")
    job, department = pick.choice(JOBS)
    prefix = " ".join((company.phone or "+49 40").split()[:2])
    phones = [{"number": phone(pick, prefix), "kind": "work"}]
    if pick.random() < 0.5:
        phones.append({"number": phone(pick, prefix.split()[0] + " 170"), "kind": "mobile"})
    companies = _companies(pick, as_of, company, job, other)
    owner = Owner(company.owner_id, company.team_id, "") if company.owner_id else None
    await make(
        uow,
        "core.contact",
        owner,
        first_name=first,
        last_name=last,
        company_id=company.id,
        job_title=job,
        department=department,
        language="de" if company.country in ("Germany", "Austria", "Switzerland") else "en",
        street=company.street,
        postcode=company.postcode,
        city=company.city,
        country=company.country,
        emails=[{"address": address(f"{first} {last}", company.domain or "company.example"), "kind": "work"}],
        phones=phones,
        companies=companies,
        tags=sorted(pick.sample(TAGS, pick.choice((0, 0, 0, 1, 2)))),
        created_at=at(as_of, -pick.randint(20, 190), 10, pick.randint(0, 59)),
    )


def _companies(pick: Any, as_of: date, company: Company, job: str, other: Company | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "company_id": company.id,
            "job_title": job,
            "is_primary": True,
            "from_on": day(as_of, -pick.randint(400, 3000)),
        }
    ]
    if other is not None and pick.random() < 0.5:
        found.append({"company_id": other.id, "job_title": "Advisory board"})
    elif other is not None:
        left = day(as_of, -pick.randint(100, 390))
        found.append({"company_id": other.id, "job_title": job, "until_on": left})
    return found
