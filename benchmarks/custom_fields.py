"""What custom fields cost: the REST list with twenty of them in use against none, and filters and sorts on them.

Usage: uv run python -m benchmarks.custom_fields [--database sqlite|postgresql] [--records N] [--rounds N] [--count N]

The list: CPU milliseconds a request of 50 companies, this process and the PostgreSQL servers together, medians of
interleaved rounds; the same records once in a database without definitions and once with twenty fields, filled.
The filters: milliseconds by the clock and of CPU for one list query over all records, through the same function as
the API, by how many records match; and the index each takes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import psutil
import sqlalchemy as sa
from crm_core.app import create_app
from crm_core.auth.actor import system
from crm_core.auth.people import User, UserRole
from crm_core.auth.tokens import create_token
from crm_core.config import Config
from crm_core.db import migrate
from crm_core.db.packages import packages
from crm_core.db.types import new_id
from crm_core.db.writes import Batch, write
from crm_core.defaults import load_defaults
from crm_core.entity import custom_values, query, records
from crm_core.kernel import Kernel, open_kernel
from crm_core.testing.databases import PostgresServer

ACTOR = system("benchmark")
PATH = "/api/v1/companies?limit=50"
GOAL, FILTER_GOAL = 1.3, 50
KINDS = ("text", "choice", "integer", "date", "boolean", "decimal", "email", "money")
FIELDS = 20
OPTIONS = [{"value": f"option{i}", "label": f"Option {i}"} for i in range(5)]


def values_of(number: random.Random, index: int, kind: str) -> Any:
    """Return a made-up JSON value; some texts are rare, some common."""
    return {
        "text": f"word {number.randrange(1000)}", "choice": f"option{min(number.randrange(20), 4)}",
        "integer": number.randrange(100_000), "date": f"20{number.randrange(10, 30)}-{number.randrange(1, 13):02}-15",
        "boolean": True if number.random() < 0.3 else None,
        "decimal": f"{number.randrange(10**6) / 100:.2f}" if number.randrange(20_000) else None,
        "email": f"person{number.randrange(10**6)}@example.com", "money": f"{number.randrange(10**6)}.0000",
    }[kind]  # fmt: skip


async def fill(kernel: Kernel, count: int, custom: bool) -> str:
    """Make companies, with twenty fields each if `custom`; return an administrator's token."""
    await migrate.upgrade(kernel.config.database_url, packages(kernel.declared))
    await load_defaults(kernel)
    kernel.db.write_limit = None
    async with kernel.write(ACTOR) as uow:
        user = User(id=new_id(), name="Bench", email="bench@example.com")
        uow.session.add(user)
        role = await uow.session.scalar(sa.text("select id from core_role where key = 'admin'"))
        await uow.session.flush()
        key = UUID(bytes=role) if isinstance(role, bytes) else UUID(str(role))
        uow.session.add(UserRole(user_id=user.id, role_id=key))
        _row, token = await create_token(uow, user.id, "benchmark")
        for index in range(FIELDS if custom else 0):
            kind = KINDS[index % len(KINDS)]
            values = {"entity": "core.company", "name": f"field_{index}", "label": f"Field {index}", "kind": kind}
            if kind == "choice":
                values["options"] = OPTIONS
            await records.create(uow, uow.registry.entity("core.field"), values, trusted=True)
    made, now = random.Random(7), datetime(2026, 1, 1, tzinfo=UTC)
    for start in range(0, count, 2500):
        async with kernel.write(ACTOR) as uow:
            await _chunk(uow, made, now, start, min(2500, count - start))
    async with kernel.db.write.connect() as connection:
        options = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await options.exec_driver_sql("analyze")
    return str(token)


async def _chunk(uow: Any, made: random.Random, now: datetime, start: int, count: int) -> None:
    model = uow.registry.entity("core.company").model
    ons = uow.registry.custom.get("core.company", ())
    companies, found = [], []
    for number in range(start, start + count):
        key, custom = new_id(), {}
        for index, one in enumerate(ons):
            if (value := values_of(made, index, one.field.kind)) is not None:
                custom[one.key] = value
                if one.field.kind == "money":
                    custom |= {f"{one.key}_currency": "EUR", f"{one.key}_base": value}
        at = now + timedelta(seconds=number)
        companies.append(
            {"id": key, "name": f"Company {made.randrange(10**9)}", "created_at": at, "updated_at": at,
             "city": f"City {number % 100}", "custom": custom}
        )  # fmt: skip
        found += [row for one in ons for row in custom_values.rows(one, key, custom)]
    await uow.session.execute(sa.insert(model), companies)
    if found:
        await write(uow.db, uow.session, [Batch(custom_values.TABLE, custom_values.COLUMNS, found)])


def used(folder: str) -> float:
    """Return CPU seconds of this process and of the PostgreSQL server in `folder`, "" for none."""
    spent = time.process_time()
    for process in psutil.process_iter(["name"]) if folder else ():
        with contextlib.suppress(psutil.Error):
            if process.info["name"] == "postgres" and process.cwd() == folder:
                times = process.cpu_times()
                spent += times.user + times.system
    return spent


async def requests(client: httpx2.AsyncClient, headers: dict[str, str], folder: str, count: int) -> float:
    """Return CPU milliseconds a list request."""
    before = used(folder)
    for _ in range(count):
        answer = await client.get(PATH, headers=headers)
        assert answer.status_code == 200
    return (used(folder) - before) / count * 1000


async def compare(kernels: dict[str, Kernel], tokens: dict[str, str], folder: str, rounds: int, count: int) -> None:
    """Print the list's figures with and without custom fields."""
    figures: dict[str, list[float]] = {name: [] for name in kernels}
    clients = {}
    for name, kernel in kernels.items():
        app = create_app(kernel)
        clients[name] = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=kernel.config.url)
    for turn in range(rounds + 1):
        for name, client in clients.items():
            figure = await requests(client, {"authorization": f"Bearer {tokens[name]}"}, folder, count)
            if turn:  # the first prepares statements
                figures[name].append(figure)
    bare, custom = (statistics.median(figures[n]) for n in ("without", "with"))
    ratios = [w / o for w, o in zip(figures["with"], figures["without"], strict=True)]
    low = min(figures["with"]) / min(figures["without"])
    print(f"list of 50: {bare:.2f} ms without, {custom:.2f} ms with {FIELDS} custom fields: {custom / bare:.2f} "
          f"(rounds {min(ratios):.2f}-{max(ratios):.2f}, lowest {low:.2f}), goal {GOAL}")  # fmt: skip
    for client in clients.values():
        await client.aclose()


FILTERS = (
    ("text, 1 in 1,000", {"field": "custom.field_0", "op": "is", "value": "word 7"}, ""),
    ("text begins, 1 in 100", {"field": "custom.field_0", "op": "starts_with", "value": "word 55"}, ""),
    ("choice, 1 in 20", {"field": "custom.field_1", "op": "is", "value": "option1"}, ""),
    ("choice, 16 in 20", {"field": "custom.field_1", "op": "is", "value": "option4"}, ""),
    ("whole number, 1 in 100", {"field": "custom.field_2", "op": "between", "value": [5000, 6000]}, ""),
    ("whole number, 1 in 2", {"field": "custom.field_2", "op": "gt", "value": 50_000}, ""),
    ("day, 1 in 240", {"field": "custom.field_3", "op": "is", "value": "2020-05-15"}, ""),
    ("day, 1 in 2", {"field": "custom.field_3", "op": "gte", "value": "2020-01-01"}, ""),
    ("yes, 3 in 10", {"field": "custom.field_4", "op": "is", "value": True}, ""),
    ("not yes, 7 in 10", {"field": "custom.field_4", "op": "is", "value": False}, ""),
    ("amount, 1 in 1,000", {"field": "custom.field_7", "op": "gt", "value": 999_000}, ""),
    ("no value at all, none", {"field": "custom.field_6", "op": "empty"}, ""),
    ("no value, 1 in 20,000", {"field": "custom.field_5", "op": "empty"}, ""),
    ("not this choice, 4 in 20", {"field": "custom.field_1", "op": "is_not", "value": "option4"}, ""),
    ("not this text, nearly all", {"field": "custom.field_0", "op": "is_not", "value": "word 7"}, ""),
    ("two fields, 1 in 100 of both", {"all": [{"field": "custom.field_1", "op": "is", "value": "option1"},
                            {"field": "custom.field_2", "op": "lt", "value": 20_000}]}, ""),
    ("two fields", {"all": [{"field": "custom.field_1", "op": "is", "value": "option4"},
                            {"field": "custom.field_2", "op": "lt", "value": 1000}]}, ""),
    ("sort by text", None, "custom.field_0"),
    ("sort by number, down", None, "-custom.field_2"),
    ("choice, 1 in 20, sort by day", {"field": "custom.field_1", "op": "is", "value": "option1"}, "custom.field_3"),
)  # fmt: skip


async def filters(kernel: Kernel, rounds: int, folder: str, explain: bool) -> None:
    """Print what each filter takes."""

    for name, condition, sort in FILTERS:
        times, cpu = [], []
        for _ in range(rounds):
            before, start = used(folder), time.perf_counter()
            async with kernel.read(ACTOR) as uow:
                wanted = query.ListParams(filter=condition, sort=sort, fields=("name",))
                page = await query.list_records(uow, uow.registry.entity("core.company"), wanted)
            times.append((time.perf_counter() - start) * 1000)
            cpu.append((used(folder) - before) * 1000)
        median, cpu_ms = statistics.median(times), statistics.median(cpu)
        mark = "" if cpu_ms < FILTER_GOAL else "   <-- over the goal"
        print(f"{name:32} {len(page.items):3} rows  {median:8.2f} ms  {cpu_ms:8.2f} ms CPU{mark}")
        if explain:
            await _explain(kernel, condition, sort)


async def _explain(kernel: Kernel, condition: Any, sort: str) -> None:
    seen: list[tuple[str, Any]] = []
    fetch = kernel.db.fetch

    async def noting(sql: str, args: Any) -> Any:
        seen.append((sql, args))
        return await fetch(sql, args)

    kernel.db.fetch = noting  # type: ignore[method-assign]
    async with kernel.read(ACTOR) as uow:
        wanted = query.ListParams(filter=condition, sort=sort, fields=("name",))
        await query.list_records(uow, uow.registry.entity("core.company"), wanted)
    kernel.db.fetch = fetch  # type: ignore[method-assign]
    for sql, args in seen:
        how = "explain query plan " if kernel.db.sqlite else "explain (analyze, costs off, timing off, summary off) "
        for row in await fetch(how + sql, args):
            print("      ", row[-1])


async def run(database: str, folder: Path, given: argparse.Namespace) -> None:
    """Fill two databases and print everything about them."""
    server = PostgresServer(folder) if database == "postgresql" else None
    where = str(server.data) if server else ""
    kernels, tokens = {}, {}
    for name in ("without", "with"):
        url = server.create(f"bench_{name}") if server else f"sqlite+aiosqlite:///{folder}/{name}.db"
        config = Config(folder=folder / name, database_url=url, secret_key="benchmark" * 5, jobs=False, api_limit=10**9)
        kernels[name] = await open_kernel(config)
        tokens[name] = await fill(kernels[name], given.records, name == "with")
    print(f"{database}, {given.records:,} companies, {given.rounds} rounds of {given.count}")
    await compare(kernels, tokens, where, given.rounds, given.count)
    await filters(kernels["with"], given.rounds, where, given.explain)
    for kernel in kernels.values():
        await kernel.close()
    if server:
        server.close()


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--count", type=int, default=40, help="requests in a round")
    parser.add_argument("--explain", action="store_true", help="print the plans")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(given.database, Path(folder), given))


if __name__ == "__main__":
    main()
