"""Imports a year of real sales into an empty CRM with the public command line and the REST API only.

    python examples/import_sales.py FOLDER --data DIRECTORY [--database URL]

FOLDER is the installation's folder (made if it is not there). DIRECTORY holds `accounts.csv`,
`sales_teams.csv`, `sales_pipeline.csv` and `products.csv`. Without `--database` the data goes into a SQLite
file in FOLDER; with it, into the empty PostgreSQL database of that address.

The base currency becomes the dollar, in which the amounts are. Offices and managers become teams, managers and agents
users, accounts companies, opportunities deals. Values that cannot be matched, such as misspelt sectors and products,
are printed and written to reports in FOLDER.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ADMIN = "admin@example.com"
CRM = [sys.executable, "-c", "from crm_core.cli import main; main()"]


class Installation:
    """One CRM: its folder, its commands, and its API while it is being served."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.environment = {**os.environ, "CRM_FOLDER": str(folder)}
        if database:
            self.environment["CRM_DATABASE_URL"] = database
        self.address = self.token = ""

    def crm(self, *arguments: str, text: str = "") -> str:
        """Run a command and return what it printed; SystemExit shows what went wrong."""
        done = subprocess.run(
            [*CRM, *arguments], env=self.environment, input=text, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"crm {' '.join(arguments)}\n{done.stdout}{done.stderr}")
        return done.stdout

    @contextmanager
    def served(self) -> Iterator[None]:
        """Serve the CRM on a free port while the block runs."""
        server = subprocess.Popen(
            [*CRM, "serve", "--port", "0"], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        assert server.stdout is not None
        try:
            for line in server.stdout:
                if line.startswith("ready "):
                    self.address = line.split()[1]
                    break
            else:
                sys.exit("the server did not start")
            yield
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(20)
            server.stdout.close()

    def api(self, verb: str, path: str, body: Any = None) -> Any:
        """Call the REST API and return its answer."""
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.address}/api/v1{path}",
            method=verb,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {self.token}", "content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)


def rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def address(name: str) -> str:
    """Return the e-mail address of a person of this made-up organisation."""
    return f"{'.'.join(name.lower().split())}@example.com"


def people(crm: Installation, data: Path) -> None:
    """Make a team per office, below it one per manager, and a user for each manager and agent."""
    roles = {r["name"]: r["id"] for r in crm.api("GET", "/roles?limit=200")["items"]}
    offices: dict[str, str] = {}
    teams: dict[str, str] = {}
    for row in rows(data / "sales_teams.csv"):
        office, manager = row["regional_office"], row["manager"]
        if office not in offices:
            offices[office] = crm.api("POST", "/teams", {"name": office})["id"]
        if manager not in teams:
            team = {"name": f"Team {manager}", "parent_id": offices[office]}
            teams[manager] = crm.api("POST", "/teams", team)["id"]
            person(crm, manager, teams[manager], roles["Manager"])
        person(crm, row["sales_agent"], teams[manager], roles["Sales"])


def person(crm: Installation, name: str, team: str, role: str) -> None:
    """Make a user with one team and one role."""
    body = {
        "name": name,
        "email": address(name),
        "teams": [{"team_id": team, "is_primary": True}],
        "roles": [{"role_id": role}],
    }
    crm.api("POST", "/users", body)


def companies(crm: Installation, data: Path) -> str:
    """Import the accounts; revenue is given in millions."""
    return crm.crm(
        "import", "companies", str(data / "accounts.csv"),
        "--map", "account=name",
        "--map", "sector=industry",
        "--map", "year_established=founded",
        "--map", "revenue=revenue*1000000",
        "--map", "employees=employees",
        "--map", "office_location=country",
        "--map", "subsidiary_of=parent",
        "--report", str(crm.folder / "companies-report.csv"),
    )  # fmt: skip


def deals(crm: Installation, data: Path) -> str:
    """Import the opportunities; products that are not in the price list are reported and kept as they are."""
    return crm.crm(
        "import", "deals", str(data / "sales_pipeline.csv"),
        "--map", "opportunity_id=reference",
        "--map", "sales_agent=owner",
        "--map", "product=product",
        "--map", "account=company",
        "--map", "deal_stage=stage",
        "--map", "engage_date=engaged_on",
        "--map", "close_date=closed_on",
        "--map", "close_value=amount",
        "--set", "name={product} - {account}",
        "--known", f"product={data / 'products.csv'}:product",
        "--report", str(crm.folder / "deals-report.csv"),
    )  # fmt: skip


def made_up_people(crm: Installation, data: Path) -> str:
    """Import contacts and leads that `make_people.py` makes up for the companies; the data has none."""
    people = crm.folder / "people"
    maker = Path(__file__).with_name("make_people.py")
    subprocess.run(
        [sys.executable, str(maker), str(data / "accounts.csv"), str(people)], check=True, stdout=subprocess.DEVNULL
    )
    return crm.crm("import", "contacts", str(people / "contacts.csv")) + crm.crm(
        "import", "leads", str(people / "leads.csv")
    )


def main() -> None:
    """Do it all, and print what each step reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="directory with the four CSV files")
    parser.add_argument("--database", default="", help="address of an empty database (default: SQLite in FOLDER)")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    crm = Installation(given.folder.absolute(), given.database)
    with crm.served():
        crm.crm("user", "add", ADMIN, "--role", "admin", "--generate")
        crm.token = crm.crm("token", "create", ADMIN).strip()
        crm.api("PATCH", "/settings/core.money", {"base_currency": "USD"})  # amounts without a currency are dollars
        people(crm, given.data)
        print("companies:", companies(crm, given.data))
        print("deals:", deals(crm, given.data))
        print("people:", made_up_people(crm, given.data))
        print("deals in all:", crm.api("GET", "/deals?limit=1&count=true")["count"])


if __name__ == "__main__":
    main()
