"""The duplicate check on creation of a contact, and people by address, among many contacts.

Usage: uv run python -m benchmarks.duplicates [--records N] [--count N]

Figures are milliseconds by the clock (the servers' CPU counters tick too slowly for one call): means and the slowest
of twenty, true on a quiet machine only. The
check is asked for contacts that are there (spelt otherwise) and for new ones, in a unit of work
of its own. Names are drawn from 400 first and 2,500 last names, the frequent ones more often.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.config import Config
from crm_core.db import migrate
from crm_core.db.packages import packages
from crm_core.db.types import new_id
from crm_core.features.duplicates.public import find_duplicates
from crm_core.features.people.index import reindex
from crm_core.features.people.public import find_people
from crm_core.kernel import Kernel, open_kernel
from crm_core.testing.databases import PostgresServer

ACTOR = system("benchmark")
GOAL = 10.0
SOUNDS = (
    "ba",
    "mül",
    "schmi",
    "kra",
    "le",
    "ho",
    "fi",
    "wag",
    "ber",
    "stein",
    "ner",
    "ler",
    "mann",
    "dorf",
    "ke",
    "ta",
)


def names(pick: random.Random, count: int, parts: int) -> list[str]:
    """Return made-up names."""
    found: set[str] = set()
    while len(found) < count:
        found.add("".join(pick.choices(SOUNDS, k=pick.randint(2, parts))).title())
    return sorted(found)


def people(count: int) -> list[dict[str, Any]]:
    """Return the values of contacts."""
    pick = random.Random(1)
    first, last = names(pick, 400, 3), names(pick, 2500, 4)
    return [
        {
            "first_name": first[int(len(first) * pick.random() ** 2)],
            "last_name": last[int(2500 * pick.random() ** 2)],
            "emails": [{"address": f"p{n}@firm{n % 5000}.example"}], "phones": [{"number": f"+49 40 {n:07}"}],
        }
        for n in range(count)
    ]  # fmt: skip


async def fill(kernel: Kernel, rows: list[dict[str, Any]]) -> None:
    """Write contacts with their addresses and keys."""
    entity = kernel.registry.entity("core.contact")
    emails, phones = (c.model for c in entity.children if c.name in ("emails", "phones"))
    kernel.db.write_limit = None
    for start in range(0, len(rows), 2000):
        part = [(new_id(), row) for row in rows[start : start + 2000]]
        async with kernel.write(ACTOR) as uow:
            await uow.session.execute(
                sa.insert(entity.model),
                [{"id": key, "first_name": r["first_name"], "last_name": r["last_name"],
                  "name": f"{r['first_name']} {r['last_name']}"} for key, r in part],
            )  # fmt: skip
            await uow.session.execute(sa.insert(emails), [{"contact_id": k, **r["emails"][0]} for k, r in part])
            await uow.session.execute(sa.insert(phones), [{"contact_id": k, **r["phones"][0]} for k, r in part])
            await reindex(uow, entity, [key for key, _row in part])


def misspelt(row: dict[str, Any]) -> dict[str, Any]:
    """Return a contact as somebody else might type it: another address, a letter doubled."""
    last = row["last_name"].replace("ü", "ue").replace("n", "nn", 1)
    return {"first_name": row["first_name"], "last_name": last, "emails": [{"address": "other@example.org"}]}


async def timed(kernel: Kernel, asked: list[dict[str, Any]]) -> tuple[float, float, int]:
    """Return mean and 95th percentile in ms, and for how many something was found."""
    entity, took, hits = kernel.registry.entity("core.contact"), [], 0
    for values in asked:
        async with kernel.read(ACTOR) as uow:
            start = time.perf_counter()
            found = await find_duplicates(uow, entity, values)
            took.append((time.perf_counter() - start) * 1000)
            hits += bool(found)
    return statistics.fmean(took), statistics.quantiles(took, n=20)[-1], hits


async def measure(address: str, folder: Path, records: int, count: int) -> None:
    """Print the figures of one database."""
    config = Config(folder=folder, database_url=address, secret_key="benchmark" * 5, jobs=False)
    kernel = await open_kernel(config)
    try:
        await migrate.upgrade(kernel.config.database_url, packages(kernel.registry))
        rows = people(records)
        await fill(kernel, rows)
        async with kernel.db.write.begin() as connection:
            await connection.execute(sa.text("analyze"))
        pick = random.Random(2)
        there = [pick.choice(rows) for _n in range(count)]
        new = [
            {"first_name": f"Xaver{n}", "last_name": f"Quirin{n}", "emails": [{"address": f"x{n}@y.example"}]}
            for n in range(count)
        ]
        for name, asked in (("there", there), ("misspelt", [misspelt(r) for r in there]), ("new", new)):
            await timed(kernel, asked[:20])
            median, high, hits = await timed(kernel, asked)
            met = "met" if high < GOAL else "NOT MET"
            print(f"  {name:<9} mean {median:6.2f} ms, p95 {high:6.2f} ms, found {hits} of {count}; goal 10 ms {met}")
        addresses = [r["emails"][0]["address"] for r in rows[:900]] + [r["phones"][0]["number"] for r in rows[:100]]
        took = []
        for _round in range(5):
            async with kernel.read(ACTOR) as uow:
                start = time.perf_counter()
                await find_people(uow, addresses)
                took.append((time.perf_counter() - start) * 1000)
        print(f"  people by 1,000 addresses: {statistics.median(took):.1f} ms")
    finally:
        await kernel.close()


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"))
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--count", type=int, default=300)
    given = parser.parse_args()
    for database in [given.database] if given.database else ["sqlite", "postgresql"]:
        with tempfile.TemporaryDirectory() as name:
            folder, address = Path(name), f"sqlite+aiosqlite:///{name}/crm.db"
            if database == "postgresql":
                address = PostgresServer(folder).create("bench")
            print(f"{database}, {given.records} contacts")
            asyncio.run(measure(address, folder, given.records, given.count))


if __name__ == "__main__":
    main()
