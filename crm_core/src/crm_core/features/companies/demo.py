"""Sample data: forty companies in twelve cities, some of them groups."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from crm_core.features.sample import CITIES, STREETS, at, choices, make, owners, phone

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

# name, domain, industry, parent
COMPANIES = (
    ("Alster Logistik AG", "alster-logistik", "logistics", None),
    ("Alster Spedition GmbH", "alster-spedition", "logistics", "Alster Logistik AG"),
    ("Bergmann Maschinenbau", "bergmann-maschinenbau", "manufacturing", None),
    ("Brightwater Foods", "brightwater", "food", None),
    ("Camden Software Ltd", "camdensoft", "software", None),
    ("Cedar & Finch Architects", "cedarfinch", "construction", None),
    ("Donau Versicherung", "donau-versicherung", "insurance", None),
    ("Eichwald Möbel", "eichwald", "retail", None),
    ("Elbe Energie", "elbe-energie", "energy", None),
    ("Elbe Netze", "elbe-netze", "energy", "Elbe Energie"),
    ("Fairfield Hospitals Trust", "fairfield-trust", "medical", None),
    ("Feldkirch Pharma", "feldkirch-pharma", "medical", None),
    ("Glasgow Marine Supplies", "glasgowmarine", "manufacturing", None),
    ("Grünwald Bio", "gruenwald-bio", "agriculture", None),
    ("Harbour Street Hotels", "harbourstreet", "hospitality", None),
    ("Hansen & Söhne", "hansen-soehne", "construction", None),
    ("Isar Medientechnik", "isar-medien", "entertainment", None),
    ("Kestrel Analytics", "kestrel", "software", None),
    ("Kestrel Labs", "kestrel-labs", "technology", "Kestrel Analytics"),
    ("Kölner Druckhaus", "koelner-druckhaus", "marketing", None),
    ("Lakeside Credit Union", "lakesidecu", "finance", None),
    ("Lindner Automotive", "lindner-automotive", "automotive", None),
    ("Main Street Bakeries", "mainstreetbakeries", "food", None),
    ("Meridian Travel Group", "meridian-travel", "hospitality", None),
    ("Meridian Cruises", "meridian-cruises", "hospitality", "Meridian Travel Group"),
    ("Northgate Telecom", "northgate", "telecommunications", None),
    ("Oberland Käserei", "oberland-kaese", "food", None),
    ("Pennine Textiles", "penninetextiles", "manufacturing", None),
    ("Quellgrund Immobilien", "quellgrund", "real_estate", None),
    ("Rheintal Chemie", "rheintal-chemie", "chemicals", None),
    ("Riverbank Publishing", "riverbank", "education", None),
    ("Sächsische Solartechnik", "sachsen-solar", "energy", None),
    ("Seabright Insurance", "seabright", "insurance", None),
    ("Stadtwerke Lindenau", "stadtwerke-lindenau", "government", None),
    ("Thornbury Garden Centres", "thornbury", "retail", None),
    ("Tramway Staffing", "tramway", "employment", None),
    ("Vogel Elektronik", "vogel-elektronik", "technology", None),
    ("Wattenmeer Stiftung", "wattenmeer", "nonprofit", None),
    ("Westend Kliniken", "westend-kliniken", "medical", None),
    ("Zollhafen Handelskontor", "zollhafen", "services", None),
)
# further domains; the second pair is shared by two companies of a group
DOMAINS = {
    "Alster Logistik AG": ("alster-group.example",),
    "Elbe Netze": ("elbe-energie.example",),
    "Kestrel Analytics": ("kestrel-analytics.example", "kestrel.test"),
}
TAGS = ("Key account", "Newsletter", "Partner", "Trade fair", "Bestandskunde")


async def load(uow: UnitOfWork, as_of: date) -> None:
    """Make the companies, owned by the sales teams."""
    pick = choices("companies")
    people = [o for o in await owners(uow) if not o.email.startswith(("admin", "readonly", "support"))]
    made: dict[str, object] = {}
    for number, (name, domain, industry, parent) in enumerate(COMPANIES):
        city, postcode, country, prefix = pick.choice(CITIES)
        company = await make(
            uow,
            "core.company",
            people[number % len(people)],
            name=name,
            domain=f"{domain}.example",
            domains=[{"domain": more} for more in DOMAINS.get(name, ())],
            website=f"https://www.{domain}.example",
            industry=industry,
            parent_id=made.get(parent or ""),
            revenue=Decimal(pick.randint(12, 900) * 100_000),
            revenue_currency="EUR",
            employees=pick.choice((12, 35, 60, 110, 240, 480, 900, 2400)),
            founded=pick.randint(1898, 2019),
            phone=phone(pick, prefix),
            street=f"{pick.choice(STREETS)} {pick.randint(1, 120)}",
            postcode=postcode,
            city=city,
            country=country,
            tags=sorted(pick.sample(TAGS, pick.choice((0, 0, 1, 1, 2)))),
            created_at=at(as_of, -pick.randint(200, 700), 9),
        )
        made[name] = company.id
