"""What the access check costs a list: the same REST list for an administrator, and for scopes own and team.

Usage: uv run python -m benchmarks.access [--database sqlite|postgresql] [--records N] [--rounds N] [--count N]

Figures are CPU milliseconds a request of 50 companies; ratios are to the administrator's. The readers take turns, in
another order each round. This process counts with the median of its requests; the database's servers
count in ticks of a hundredth of a second, so all that they spent in a reader's turns is divided by the requests.
"whole" means that the records are the reader's own or their team's, so that every reader gets the same rows (asserted)
and only the check differs; "tenth" that a tenth of them are.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import statistics
import tempfile
import time
from pathlib import Path
from uuid import UUID

import httpx2
import psutil
import sqlalchemy as sa
from crm_core.app import create_app
from crm_core.auth.actor import system
from crm_core.auth.people import Role, RoleGrant, Team, TeamMember, User, UserRole
from crm_core.auth.tokens import create_token
from crm_core.config import Config
from crm_core.db import migrate
from crm_core.db.packages import packages
from crm_core.db.types import new_id
from crm_core.defaults import load_defaults
from crm_core.kernel import Kernel, open_kernel
from crm_core.testing.databases import PostgresServer

ACTOR = system("benchmark")
PATH = "/api/v1/companies?limit=50"
GOAL = 1.10
READERS = {  # name -> (scope, owns what, teams they are in)
    "administrator": ("", "", 0), "own, whole": ("own", "whole", 0), "team, whole": ("team", "team", 1),
    "team of five, whole": ("team", "team", 5), "own, tenth": ("own", "tenth", 0),
}  # fmt: skip


async def fill(kernel: Kernel, count: int) -> dict[str, dict[str, str]]:
    """Make companies for each reader's case and the readers; return their request headers by name."""
    await migrate.upgrade(kernel.config.database_url, packages(kernel.registry))
    await load_defaults(kernel)
    kernel.db.write_limit = None
    model = kernel.registry.entity("core.company").model
    headers: dict[str, dict[str, str]] = {}
    ids: dict[str, UUID] = {}
    async with kernel.write(ACTOR) as uow:
        team = new_id()
        await uow.session.execute(sa.insert(Team), [{"id": team, "name": "Team"}])
        for name, (scope, _owns, teams) in READERS.items():
            ids[name] = new_id()
            person = {"id": ids[name], "name": name, "email": f"{ids[name]}@example.com"}
            role = {"id": new_id(), "name": f"role of {name}", "everything": not scope}
            await uow.session.execute(sa.insert(User), [person])
            await uow.session.execute(sa.insert(Role), [role])
            grant = {"role_id": role["id"], "name": "core.company.read", "scope": scope or "all"}
            await uow.session.execute(sa.insert(RoleGrant), [grant])
            await uow.session.execute(sa.insert(UserRole), [{"user_id": ids[name], "role_id": role["id"]}])
            for number in range(teams):
                member = team if number == 0 else new_id()
                if number:
                    await uow.session.execute(sa.insert(Team), [{"id": member, "name": f"{name} {number}"}])
                await uow.session.execute(sa.insert(TeamMember), [{"user_id": ids[name], "team_id": member}])
            headers[name] = {"authorization": f"Bearer {(await create_token(uow, ids[name], name))[1]}"}
        await uow.raise_epoch("people")
    owners = {"whole": ids["own, whole"], "tenth": ids["own, tenth"]}
    for start in range(0, count, 1000):
        rows = [
            {
                "id": new_id(), "name": f"Company {n:06}", "city": "Kiel", "team_id": team,
                "owner_id": owners["tenth"] if n > 100 and n % 10 == 0 else owners["whole"],
            }
            for n in range(start, min(count, start + 1000))
        ]  # fmt: skip
        async with kernel.write(ACTOR) as uow:
            await uow.session.execute(sa.insert(model), rows)
    return headers


async def compare(address: str, folder: Path, records: int, rounds: int, count: int, *, analyze: bool) -> None:
    """Print medians and ratios for one database."""
    config = Config(folder=folder, database_url=address, secret_key="benchmark" * 5, jobs=False, api_limit=10**9)
    kernel = await open_kernel(config)
    headers = await fill(kernel, records)
    if analyze:
        async with kernel.db.write.begin() as connection:
            await connection.execute(sa.text("analyze"))
    wire = httpx2.ASGITransport(create_app(kernel))  # type: ignore[arg-type]  # Litestar's own ASGI types
    spent: dict[str, list[float]] = {name: [] for name in headers}
    servers = dict.fromkeys(headers, 0.0)
    async with httpx2.AsyncClient(transport=wire, base_url=kernel.config.url) as client:
        answers = {n: (await client.get(PATH, headers=h)).json()["items"] for n, h in headers.items()}
        assert all(len(rows) == 50 for rows in answers.values())
        assert all(answers[n] == answers["administrator"] for n, (_s, owns, _t) in READERS.items() if owns != "tenth")
        order = list(headers)
        for _round in range(rounds):
            random.shuffle(order)
            for name in order:
                before = of_database(folder)
                for _number in range(count):
                    start = time.process_time()
                    await client.get(PATH, headers=headers[name])
                    spent[name].append((time.process_time() - start) * 1000)
                servers[name] += (of_database(folder) - before) / count / rounds * 1000
    cost = {name: statistics.median(times) + servers[name] for name, times in spent.items()}
    base = cost["administrator"]
    print(f"{kernel.db.dialect}, {records} companies, {rounds} rounds of {count}: administrator {base:.2f} ms")
    for name in list(headers)[1:]:
        parts = f"{cost[name]:.2f} ms, {servers[name]:.2f} of it the database's servers"
        print(f"  {name}: {parts}; ratio {cost[name] / base:.3f} (goal: at most {GOAL})")
    await kernel.close()


def of_database(folder: Path) -> float:
    """Return CPU seconds of the PostgreSQL servers that this run started; 0 with SQLite."""
    told = folder / "postgres" / "postmaster.pid"
    if not told.exists():
        return 0.0
    found = 0.0
    for server in psutil.Process(int(told.read_text().split()[0])).children():
        with contextlib.suppress(psutil.Error):
            times = server.cpu_times()
            found += times.user + times.system
    return found


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"))
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=120)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--no-statistics", action="store_true", help="Leave the planner without an `analyze`.")
    given = parser.parse_args()
    for database in [given.database] if given.database else ["sqlite", "postgresql"]:
        with tempfile.TemporaryDirectory() as name:
            folder, address = Path(name), f"sqlite+aiosqlite:///{name}/crm.db"
            if database == "postgresql":
                address = PostgresServer(folder).create("bench")
            wanted = given.records, given.rounds, given.count
            asyncio.run(compare(address, folder, *wanted, analyze=not given.no_statistics))


if __name__ == "__main__":
    main()
