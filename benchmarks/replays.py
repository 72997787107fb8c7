"""What an idempotent replay costs: the same POST with the same Idempotency-Key again, beside reading the record made.

Usage: uv run python -m benchmarks.replays [--database sqlite|postgresql] [--rounds N] [--count N]

Figures are CPU milliseconds a request, this process and the PostgreSQL servers together, medians of interleaved
rounds. "original" is a POST with a key of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from itertools import count as numbers
from pathlib import Path
from typing import Any

import httpx2
import sqlalchemy as sa
from crm_core.app import create_app
from crm_core.auth.actor import system
from crm_core.auth.people import Role, User, UserRole
from crm_core.auth.tokens import create_token
from crm_core.config import Config
from crm_core.db import migrate
from crm_core.db.packages import packages
from crm_core.db.types import new_id
from crm_core.defaults import load_defaults
from crm_core.kernel import Kernel, open_kernel
from crm_core.testing.databases import PostgresServer

from benchmarks.create import used

ACTOR = system("benchmark")
PATH = "/api/v1/contacts"
GOAL = 1.0
BODY = {
    "first_name": "Ada", "last_name": "Lovelace", "job_title": "Mathematician",
    "emails": [{"address": "ada@example.com"}], "phones": [{"number": "+49 40 1234"}],
}  # fmt: skip


async def sign_in(kernel: Kernel) -> dict[str, str]:
    """Make tables and an administrator; return the headers of a token."""
    await migrate.upgrade(kernel.config.database_url, packages(kernel.registry))
    await load_defaults(kernel)
    person, role = new_id(), new_id()
    async with kernel.write(ACTOR) as uow:
        await uow.session.execute(sa.insert(User), [{"id": person, "name": "A", "email": "a@example.com"}])
        await uow.session.execute(sa.insert(Role), [{"id": role, "name": "all", "everything": True}])
        await uow.session.execute(sa.insert(UserRole), [{"user_id": person, "role_id": role}])
        _row, token = await create_token(uow, person, "benchmark")
        await uow.raise_epoch("people")
    return {"authorization": f"Bearer {token}"}


async def compare(address: str, folder: Path, rounds: int, count: int) -> None:
    """Print medians and ratios for one database."""
    config = Config(folder=folder, database_url=address, secret_key="benchmark" * 5, jobs=False, api_limit=10**9)
    kernel = await open_kernel(config)
    kernel.db.write_limit = None  # the limit is for people who wait, not for a machine with other work
    headers = await sign_in(kernel)
    wire = httpx2.ASGITransport(create_app(kernel))  # type: ignore[arg-type]  # Litestar's own ASGI types
    keys = numbers()
    async with httpx2.AsyncClient(transport=wire, base_url=kernel.config.url, headers=headers) as client:
        kept = {"idempotency-key": "the one that comes again"}
        first = (await client.post(PATH, json=BODY, headers=kept)).json()

        async def original() -> Any:
            return await client.post(PATH, json=BODY, headers={"idempotency-key": str(next(keys))})

        async def replay() -> Any:
            return await client.post(PATH, json=BODY, headers=kept)

        async def read() -> Any:
            return await client.get(f"{PATH}/{first['id']}")

        ways: dict[str, Callable[[], Awaitable[Any]]] = {"read": read, "replay": replay, "original": original}
        spent: dict[str, list[float]] = {name: [] for name in ways}
        assert (await replay()).headers["idempotent-replay"] == "true"
        for number in range(rounds + 1):
            for name, way in ways.items():
                before = used()
                for _n in range(count):
                    answer = await way()
                    assert answer.status_code in (200, 201)
                if number:  # the first round fills caches
                    spent[name].append((used() - before) / count * 1000)
    medians = {name: statistics.median(times) for name, times in spent.items()}
    paired = statistics.median(a / b for a, b in zip(spent["replay"], spent["read"], strict=True))
    print(
        f"{kernel.db.dialect}, {rounds} rounds of {count}: " + ", ".join(f"{n} {m:.2f} ms" for n, m in medians.items())
    )
    print(f"  replay to read: {medians['replay'] / medians['read']:.3f}, of rounds {paired:.3f} (goal: at most {GOAL})")
    await kernel.close()


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--count", type=int, default=40)
    given = parser.parse_args()
    for database in [given.database] if given.database else ["sqlite", "postgresql"]:
        with tempfile.TemporaryDirectory() as name:
            folder, address = Path(name), f"sqlite+aiosqlite:///{name}/crm.db"
            if database == "postgresql":
                address = PostgresServer(folder).create("bench")
            asyncio.run(compare(address, folder, given.rounds, given.count))


if __name__ == "__main__":
    main()
