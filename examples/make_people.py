"""Makes up people for the companies of a sales file: contacts and leads as CSV files to import.

    python examples/make_people.py accounts.csv DIRECTORY [--contacts-per-company N] [--leads N]

The sales data has companies and deals, but nobody to talk to. Every person, address and number written here
is invented: names are drawn from a list with a fixed seed, domains end in `.example`, numbers contain 555. The
same input gives the same files. Import them with

    crm import contacts DIRECTORY/contacts.csv
    crm import leads DIRECTORY/leads.csv
"""

from __future__ import annotations

import argparse
import csv
import random
import re
from pathlib import Path

SEED = 20170101
FIRST = (
    "Alice", "Brian", "Carla", "Diego", "Emily", "Frank", "Gina", "Hassan", "Irene", "James", "Keiko", "Liam", "Maria",
    "Noah", "Olga", "Peter", "Quinn", "Rosa", "Samuel", "Tara", "Usha", "Victor", "Wendy", "Xavier", "Yara", "Zach",
)  # fmt: skip
LAST = (
    "Adams", "Baker", "Chen", "Dawson", "Ellis", "Flores", "Grant", "Harper", "Iyer", "Jensen", "Khan", "Lopez",
    "Meyer", "Nguyen", "Okafor", "Price", "Quintero", "Reyes", "Silva", "Turner", "Underwood", "Vargas", "Walsh",
)  # fmt: skip
JOBS = ("Buyer", "Head of purchasing", "IT manager", "Operations manager", "Finance director", "Owner", "Assistant")
SOURCES = ("website", "referral", "event", "campaign", "phone", "partner")
STATUSES = ("new", "new", "contacted", "qualified", "unqualified")


def domain(company: str) -> str:
    """Return an e-mail domain that nobody can own."""
    return re.sub(r"[^a-z0-9]", "", company.lower()) + ".example"


def contacts(companies: list[str], each: int, pick: random.Random) -> list[dict[str, str]]:
    """Return the made-up people of the companies."""
    found = []
    for company in companies:
        for first, last in zip(pick.sample(FIRST, each), pick.sample(LAST, each), strict=True):
            found.append(
                {
                    "first_name": first,
                    "last_name": last,
                    "company": company,
                    "job_title": pick.choice(JOBS),
                    "email": f"{first}.{last}@{domain(company)}".lower(),
                    "phone": f"+1 {pick.randint(201, 989)} 555 {pick.randint(1000, 9999)}",
                }
            )
    return found


def leads(count: int, pick: random.Random) -> list[dict[str, str]]:
    """Return made-up people who are not customers yet."""
    found = []
    for _number in range(count):
        first, last = pick.choice(FIRST), pick.choice(LAST)
        company = f"{last} {pick.choice(('Group', 'Partners', 'Works', 'Trading', 'Labs'))}"
        found.append(
            {
                "name": f"{first} {last}",
                "company_name": company,
                "email": f"{first}.{last}@{domain(company)}".lower(),
                "status": pick.choice(STATUSES),
                "source": pick.choice(SOURCES),
            }
        )
    return found


def write(path: Path, rows: list[dict[str, str]]) -> None:
    """Write rows as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    print(f"{path}: {len(rows)} made-up people")


def main() -> None:
    """Read the companies, write the people."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("accounts", type=Path)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--contacts-per-company", type=int, default=3)
    parser.add_argument("--leads", type=int, default=60)
    given = parser.parse_args()
    with given.accounts.open(encoding="utf-8-sig", newline="") as file:
        companies = [row["account"] for row in csv.DictReader(file)]
    given.directory.mkdir(parents=True, exist_ok=True)
    pick = random.Random(SEED)  # noqa: S311 - made-up people, no secret
    write(given.directory / "contacts.csv", contacts(companies, given.contacts_per_company, pick))
    write(given.directory / "leads.csv", leads(given.leads, pick))


if __name__ == "__main__":
    main()
