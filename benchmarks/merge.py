"""Merging and undoing: 100 pairs of contacts one by one, and 99 losers in one go.

Usage: uv run python -m benchmarks.merge [--database sqlite|postgresql] [--count N]

Figures are seconds by the clock, and CPU seconds of this process and the PostgreSQL servers together. Each loser has
an e-mail address,
a phone, a deal, an activity and a comment.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from uuid import UUID

from crm_core.auth.actor import system
from crm_core.config import Config
from crm_core.db import migrate
from crm_core.db.packages import packages
from crm_core.defaults import load_defaults
from crm_core.entity import records
from crm_core.features.merge.public import MergeIn, merge
from crm_core.features.undo.actions import undo
from crm_core.kernel import Kernel, open_kernel
from crm_core.plugin import Ref
from crm_core.testing.databases import PostgresServer

from benchmarks.create import used

ACTOR = system("benchmark")
GOAL = 2.0


async def make(kernel: Kernel, number: int) -> UUID:
    """Make a contact with all that hangs on it."""
    entity = kernel.registry.entity
    async with kernel.write(ACTOR) as uow:
        contact = await records.create(
            uow, entity("core.contact"),
            {"first_name": "Ada", "last_name": f"Byron {number}", "emails": [{"address": f"a{number}@example.org"}],
             "phones": [{"number": f"+49 40 {number:06}"}], "job_title": "Countess"},
        )  # fmt: skip
        await uow.settle()
        await records.create(uow, entity("core.deal"), {"name": f"Engine {number}", "contact_id": contact.id})
        about = Ref("core.contact", contact.id)
        await records.create(uow, entity("core.activity"), {"subject": "Call", "parent": about})
        await records.create(uow, entity("core.comment"), {"body": "Knows Babbage", "parent": about})
        return UUID(str(contact.id))


async def measure(address: str, folder: Path, count: int) -> None:
    """Print the figures of one database."""
    kernel = await open_kernel(Config(folder=folder, database_url=address, secret_key="benchmark" * 5, jobs=False))
    try:
        await migrate.upgrade(kernel.config.database_url, packages(kernel.registry))
        await load_defaults(kernel)
        kernel.db.write_limit = None
        ids = [await make(kernel, n) for n in range(2 * count)]
        winners, losers = ids[:count], ids[count:]
        await report(kernel, f"{count} merges of two", [(w, [x]) for w, x in zip(winners, losers, strict=True)])
        await report(kernel, f"one merge of {count}", [(winners[0], losers[: count - 1])])
    finally:
        await kernel.close()


async def report(kernel: Kernel, name: str, merges: list[tuple[UUID, list[UUID]]]) -> None:
    """Merge, undo, and print how long both took."""
    entity, causes = kernel.registry.entity("core.contact"), []
    start, before = time.perf_counter(), used()
    for winner, losers in merges:
        async with kernel.write(ACTOR) as uow:
            causes.append((await merge(uow, entity, winner, MergeIn(losers))).cause)
    merged = time.perf_counter()
    for cause in causes:
        async with kernel.write(ACTOR) as uow:
            await undo(uow, cause)
    done = time.perf_counter()
    spent = used() - before
    verdict = "met" if done - start < GOAL else "NOT MET"
    took = f"merge {merged - start:.2f} s, undo {done - merged:.2f} s"
    print(f"  {name}: {took}; CPU {spent:.2f} s; goal {GOAL} s: {verdict}")


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"))
    parser.add_argument("--count", type=int, default=100)
    given = parser.parse_args()
    for database in [given.database] if given.database else ["sqlite", "postgresql"]:
        with tempfile.TemporaryDirectory() as name:
            folder, address = Path(name), f"sqlite+aiosqlite:///{name}/crm.db"
            if database == "postgresql":
                address = PostgresServer(folder).create("bench")
            print(f"{database}")
            asyncio.run(measure(address, folder, given.count))


if __name__ == "__main__":
    main()
