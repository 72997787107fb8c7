"""Creating a contact with an e-mail and a phone, event, search and job rows: our unit of work against a bare driver.

Usage: uv run python -m benchmarks.create [--rounds N] [--count N]

Both write the same rows in one transaction, in SQLite and in a PostgreSQL started from a wheel, on the server's event
loop (uvloop). Figures are CPU milliseconds a creation, this process and the PostgreSQL servers together; ratios are
ours over bare.

On SQLite the bare side is the standard library's sqlite3, its statements prepared, called on the event loop itself:
the least that one transaction can cost, but the loop stands still during the fsync. Ours writes in a thread. The second
figure is what a server can do: the same bare transaction in one hop to a thread.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sqlite3
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import psutil
import sqlalchemy as sa
import uvloop
from crm_core.auth.actor import system
from crm_core.config import Config, database_url
from crm_core.db import migrate
from crm_core.db.packages import packages
from crm_core.db.types import uuid7
from crm_core.entity import records
from crm_core.features.jobs.schemas import PurgeJobs
from crm_core.kernel import Kernel, open_kernel
from crm_core.testing.databases import PostgresServer

TABLES = (
    "core_contact", "core_contact_email", "core_contact_phone", "core_event", "core_event_data", "core_event_ref",
    "core_search", "core_job",
)  # fmt: skip
ACTOR = system("benchmark")


async def ours(kernel: Kernel, number: int) -> None:
    """Create one contact the way the API does."""
    async with kernel.write(ACTOR) as uow:
        await records.create(
            uow, kernel.registry.entity("core.contact"),
            {"first_name": "Ada", "last_name": f"Lovelace {number}", "emails": [{"address": f"a{number}@example.com"}],
             "phones": [{"number": f"+49 30 {number:07}"}]},
        )  # fmt: skip
        await uow.enqueue(PurgeJobs())  # no built-in listener asks for a job when a contact is made


async def sample(kernel: Kernel) -> list[tuple[str, list[str], list[Any]]]:
    """Return the rows that one creation wrote, as (table, columns, values), newest first by id."""
    found = []
    async with kernel.read(ACTOR) as uow:
        for table in TABLES:
            rows = await uow.session.execute(sa.text(f"select * from {table} limit 1"))
            row = rows.mappings().one()
            columns = [c for c in row if c != "words" and not (table == "core_search" and c == "id")]
            found.append((table, columns, [row[c] for c in columns]))
    return found


def fresh(rows: list[tuple[str, list[str], list[Any]]], *, sqlite: bool) -> list[tuple[str, list[str], list[Any]]]:
    """Return the rows with new keys that still refer to each other."""
    keys: dict[Any, Any] = {}

    def new(value: Any) -> Any:
        key = value if isinstance(value, bytes) else getattr(value, "bytes", None)
        if key is None or len(key) != 16:
            return value
        made = keys.setdefault(key, uuid7())
        return made.bytes if sqlite else made

    return [(t, c, [new(v) for v in values]) for t, c, values in rows]


def bare_sqlite(path: str, rows: list[tuple[str, list[str], list[Any]]], hop: ThreadPoolExecutor | None) -> Any:
    """Return a function that inserts the rows in one transaction with the driver, with `hop` in a thread of its own."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536"):
        connection.execute(f"pragma {pragma}")
    texts = [f"insert into {t} ({','.join(c)}) values ({','.join('?' * len(c))})" for t, c, _v in rows]

    def insert() -> None:
        connection.execute("begin immediate")
        for text, (_t, _c, values) in zip(texts, fresh(rows, sqlite=True), strict=True):
            connection.execute(text, values)
        connection.execute("commit")

    async def run() -> None:
        if hop is None:
            insert()
        else:
            await asyncio.get_running_loop().run_in_executor(hop, insert)

    return run


async def bare_postgres(kernel: Kernel, rows: list[tuple[str, list[str], list[Any]]]) -> Any:
    """Return a function that inserts the rows in one transaction with the driver."""
    import asyncpg

    connection = await asyncpg.connect(kernel.db.dsn)
    texts = [
        f"insert into {t} ({','.join(c)}) values ({','.join(f'${i + 1}' for i in range(len(c)))})" for t, c, _v in rows
    ]
    plain = [
        (t, c, [msgspec.json.encode(v).decode() if isinstance(v, dict | list) else v for v in values])
        for t, c, values in rows
    ]

    async def run() -> None:
        async with connection.transaction():
            for text, (_t, _c, values) in zip(texts, fresh(plain, sqlite=False), strict=True):
                await connection.execute(text, *values)

    return run


def used() -> float:
    """Return CPU seconds of this process and all PostgreSQL processes below the wheel's server."""
    servers = [p for p in psutil.process_iter(["name"]) if p.info["name"] == "postgres"]
    spent = time.process_time()
    for server in servers:
        with contextlib.suppress(psutil.Error):
            times = server.cpu_times()
            spent += times.user + times.system
    return spent


async def measure(run: Any, count: int) -> float:
    """Return CPU milliseconds per call."""
    before = used()
    for number in range(count):
        await run(number)
    return (used() - before) / count * 1000


async def compare(address: str, folder: Path, rounds: int, count: int) -> None:
    """Print medians of interleaved rounds and their ratio for one database."""
    kernel = await open_kernel(Config(folder=folder, database_url=address, secret_key="benchmark" * 5))
    await migrate.upgrade(address, packages(kernel.registry))
    await ours(kernel, 0)
    rows = await sample(kernel)
    file = str(folder / "crm.db")
    bare: dict[str, Any] = {}
    if kernel.db.sqlite:
        bare["bare driver"] = bare_sqlite(file, rows, None)
        bare["bare driver in one thread hop"] = bare_sqlite(file, rows, ThreadPoolExecutor(1))
    else:
        bare["bare driver"] = await bare_postgres(kernel, rows)
    own: list[float] = []
    driver: dict[str, list[float]] = {name: [] for name in bare}
    for number in range(rounds):
        for name, run in bare.items():
            driver[name].append(await measure(lambda n, run=run: run(), count))
        own.append(await measure(lambda n, r=number: ours(kernel, r * count + n + 1), count))
    a = statistics.median(own)
    for name, found in driver.items():
        b = statistics.median(found)
        print(f"create, {kernel.db.dialect}: ours {a:.2f} ms, {name} {b:.2f} ms, ratio {a / b:.2f} (goal: at most 3)")
    await kernel.close()


def main() -> None:
    """Run both databases one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        uvloop.run(compare(database_url(f"sqlite:///{path / 'crm.db'}"), path, given.rounds, given.count))
        server = PostgresServer(path)
        uvloop.run(compare(database_url(server.create("benchmark")), path, given.rounds, given.count))


if __name__ == "__main__":
    main()
