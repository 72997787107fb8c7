"""What all sample data shares: seeded choices, names of people and places, and how records are made.

Content depends on the seed only, dates on the day the data is loaded for.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.people import TeamMember, User
from crm_core.entity import records
from crm_core.entity.folding import words

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

SEED = 2026
DOMAIN = "example.com"

FIRST_NAMES = (
    "Anna", "Ben", "Charlotte", "David", "Elena", "Felix", "Grace", "Hannah", "Isabel", "Jakob", "Katharina", "Leon",
    "Mia", "Niklas", "Oliver", "Paula", "Rebecca", "Sebastian", "Theresa", "Uwe", "Victoria", "William", "Yasmin",
    "Amelia", "Bernd", "Chloe", "Dominik", "Eva", "Finn", "Georgia", "Henry", "Ines", "Jürgen", "Karl", "Lucy",
    "Matthias", "Nina", "Oscar", "Petra", "Ruth", "Stefan", "Thomas", "Ursula", "Walter", "Zoe", "Jörg", "Björn",
)  # fmt: skip
LAST_NAMES = (
    "Müller", "Schmidt", "Schneider", "Fischer", "Weber", "Wagner", "Becker", "Hoffmann", "Schäfer", "Koch", "Richter",
    "Klein", "Wolf", "Neumann", "Schwarz", "Zimmermann", "Krüger", "Hartmann", "Lange", "Köhler", "Smith", "Jones",
    "Taylor", "Brown", "Williams", "Wilson", "Johnson", "Davies", "Robinson", "Wright", "Thompson", "Evans", "Walker",
    "White", "Roberts", "Green", "Hall", "Wood", "Jackson", "Clarke", "O'Brien", "Murphy", "Kelly", "MacDonald",
)  # fmt: skip
# city, postcode, country, dialling code
CITIES = (
    ("Hamburg", "20095", "Germany", "+49 40"),
    ("Berlin", "10115", "Germany", "+49 30"),
    ("München", "80331", "Germany", "+49 89"),
    ("Köln", "50667", "Germany", "+49 221"),
    ("Leipzig", "04109", "Germany", "+49 341"),
    ("Wien", "1010", "Austria", "+43 1"),
    ("Zürich", "8001", "Switzerland", "+41 44"),
    ("London", "EC1A 1BB", "United Kingdom", "+44 20"),
    ("Manchester", "M1 1AE", "United Kingdom", "+44 161"),
    ("Bristol", "BS1 4DJ", "United Kingdom", "+44 117"),
    ("Dublin", "D02 X285", "Ireland", "+353 1"),
    ("Boston", "02108", "United States", "+1 617"),
)
STREETS = (
    "Hauptstraße", "Bahnhofstraße", "Gartenweg", "Lindenallee", "Am Hafen", "High Street", "Station Road", "Mill Lane",
    "Queen's Road", "Market Square", "Kirchgasse", "Ringstraße",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Owner:
    """A user who may own sample records, with the user's primary team."""

    id: UUID
    team_id: UUID | None
    email: str


def choices(name: str) -> random.Random:
    """Return a source of choices that are the same each time for a name."""
    return random.Random(f"{SEED}:{name}")  # noqa: S311 - sample data, no secret


def day(as_of: date, offset: int) -> date:
    """Return a working day about `offset` days from `as_of`; a weekend moves to the Monday after."""
    found = as_of + timedelta(days=offset)
    return found + timedelta(days=(7 - found.weekday()) % 7) if found.weekday() > 4 and offset > 0 else found


def at(as_of: date, offset: int, hour: int, minute: int = 0) -> datetime:
    """Return an instant `offset` days from `as_of`, at a time in UTC."""
    return datetime.combine(as_of + timedelta(days=offset), time(hour, minute), UTC)


def address(person: str, domain: str) -> str:
    """Return the e-mail address of a person at a domain."""
    plain = person.lower()
    for letter, written in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("'", "")):
        plain = plain.replace(letter, written)
    return f"{'.'.join(words(plain))}@{domain}"


def phone(pick: random.Random, prefix: str) -> str:
    """Return a phone number that looks like one of its place; 555 marks made-up numbers."""
    return f"{prefix} 555 {pick.randint(1000, 9999)}"


async def owners(uow: UnitOfWork, *emails: str) -> list[Owner]:
    """Return users as owners, in the order of `emails`; all users in teams when none are given."""
    query = (
        sa.select(User.id, TeamMember.team_id, User.email)
        .join(TeamMember, TeamMember.user_id == User.id)
        .where(TeamMember.is_primary, User.deleted_at.is_(None))
        .order_by(User.email_f)
    )
    found = {email: Owner(key, team, email) for key, team, email in await uow.session.execute(query)}
    return [found[e] for e in emails if e in found] if emails else list(found.values())


async def make(uow: UnitOfWork, entity: str, owner: Owner | None, **values: Any) -> Any:
    """Create a record as an import would, readonly times included."""
    if owner is not None:
        values["owner_id"] = owner.id
    return await records.create(uow, uow.registry.entity(entity), values, trusted=True)


async def every(uow: UnitOfWork, model: Any) -> Sequence[Any]:
    """Return all records of a model in the order they were made."""
    return (await uow.session.scalars(sa.select(model).where(model.deleted_at.is_(None)).order_by(model.id))).all()
