"""Reading contacts over HTTP: our REST against a minimal ASGI app with the driver, the same SQL and the same token.

Usage: uv run python -m benchmarks.lists [--database sqlite|postgresql] [--contacts N] [--seconds S]

Prints CPU milliseconds per request, application and database together, and ours over the minimal app's.
Each server is one uvicorn process; rounds are interleaved and medians are shown.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import sqlalchemy as sa
import uvicorn
from crm_core.app import create_app
from crm_core.auth.actor import system
from crm_core.auth.rights import actor_by_email
from crm_core.config import Config
from crm_core.db import migrate
from crm_core.db.packages import packages
from crm_core.db.types import new_id, utcnow
from crm_core.defaults import load_defaults
from crm_core.entity import cursors, outputs, query, search
from crm_core.entity.statements import Query
from crm_core.features.contacts.models import Contact, ContactEmail, ContactPhone
from crm_core.features.session.access import make_token
from crm_core.features.session.actions import add_user
from crm_core.kernel import Kernel, open_kernel

EMAIL = "bench@example.com"
ACTOR = system("benchmark")
LETTERS = "bcdfghklmnprstvw"
PATH = "/api/v1/contacts"


@dataclass(frozen=True)
class Case:
    """One kind of request, its goal, and whether the minimal app answers it too."""

    name: str
    path: str
    goal: float


def config_of(folder: Path, url: str) -> Config:
    """Return the configuration that all processes of the benchmark share."""
    return Config(folder=folder, database_url=url, secret_key="benchmark" * 5, jobs=False, api_limit=10**9)


def word(number: random.Random) -> str:
    """Return a made-up name."""
    return "".join(number.choice(LETTERS) + number.choice("aeiou") for _ in range(3)).capitalize()


async def fill(kernel: Kernel, count: int) -> str:
    """Make the tables, a user with a token who reads everything, and contacts; return the token."""
    await migrate.upgrade(kernel.config.database_url, packages(kernel.registry))
    await load_defaults(kernel)
    async with kernel.write(ACTOR) as uow:
        await add_user(uow, "Bench", EMAIL, None, roles=("readonly",))
    async with kernel.write(ACTOR) as uow:
        person = await actor_by_email(kernel, EMAIL)
        _row, token = await make_token(uow, "benchmark", user_id=person.user_id)
    made = random.Random(7)
    kernel.db.write_limit = None
    for start in range(0, count, 5000):
        await _chunk(kernel, made, min(5000, count - start))
    async with kernel.db.write.connect() as connection:
        options = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await options.exec_driver_sql("analyze")
    return str(token)


async def _chunk(kernel: Kernel, made: random.Random, count: int) -> None:
    now, owners = utcnow(), [new_id() for _ in range(50)]
    contacts, emails, phones, rows = [], [], [], []
    entity = kernel.registry.entity("core.contact")
    for _ in range(count):
        first, last, key, owner = word(made), word(made), new_id(), made.choice(owners)
        name = f"{first} {last}"
        contacts.append(
            {"id": key, "first_name": first, "last_name": last, "name": name, "owner_id": owner, "team_id": owner,
             "job_title": word(made), "city": word(made), "created_at": now, "updated_at": now}
        )  # fmt: skip
        address, phone = f"{first}.{last}@example.com", f"+49 30 {made.randrange(10**7):07}"
        emails.append({"contact_id": key, "address": address})
        phones.append({"contact_id": key, "number": phone})
        record = Contact(**contacts[-1])
        parts = {"emails": [{"address": address}], "phones": [{"number": phone}]}
        rows.append(search.document(kernel.registry, entity, record, parts) or {})
    async with kernel.db.write.begin() as connection:
        await connection.execute(sa.insert(Contact), contacts)
        await connection.execute(sa.insert(ContactEmail), emails)
        await connection.execute(sa.insert(ContactPhone), phones)
        await connection.execute(search.upsert(kernel.db.dialect), rows)


async def cases(kernel: Kernel, count: int) -> list[Case]:
    """Return what is asked, a deep page's cursor and an id included."""
    table = Contact.__table__
    middle = sa.select(table.c.name_f, table.c.id).order_by(table.c.name_f, table.c.id).offset(count // 2).limit(1)
    async with kernel.read(ACTOR) as uow:
        name, key = (await uow.session.execute(middle)).one()
        deep = cursors.write(uow, "core.contact", "name", name, key)
    return [
        Case("list of 50, first page", f"{PATH}?limit=50", 2),
        Case("list of 50, deep page", f"{PATH}?limit=50&cursor={deep}", 2),
        Case("one by id", f"{PATH}/{key}", 3),
    ]


# --- the minimal app

Answer = tuple[Query, list[Any], Any]


class Bare:
    """An ASGI app that looks the token up, runs our SQL and answers our bytes; nothing else."""

    def __init__(self, url: str, answers: dict[str, list[Answer]], lookup: tuple[str, list[Any]]) -> None:
        self.url, self.answers, self.lookup = url, answers, lookup
        self.pool: Any = None

    async def fetch(self, sql: str, arguments: list[Any]) -> Any:
        """Run one statement with the driver."""
        if self.url.startswith("sqlite"):
            if self.pool is None:
                self.pool = sqlite3.connect(self.url.partition("///")[2], isolation_level=None, check_same_thread=False)
                self.pool.execute("pragma query_only=on")
                self.pool.execute("pragma cache_size=-16384")
            return self.pool.execute(sql, arguments).fetchall()
        if self.pool is None:
            self.pool = await asyncpg.create_pool(
                sa.make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False), min_size=1,
                max_size=10, server_settings={"jit": "off"},
            )  # fmt: skip
        return await self.pool.fetch(sql, *arguments)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        await self.fetch(*self.lookup)
        key = scope["path"] + ("?" + scope["query_string"].decode() if scope["query_string"] else "")
        body = b""
        for made, arguments, struct in self.answers[key]:
            rows = [list(r) for r in await self.fetch(made.sql, arguments)]
            for index, read in made.out:
                for row in rows:
                    if row[index] is not None:
                        row[index] = read(row[index])
            body += msgspec.json.encode([struct(*row) for row in rows])
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def statements(kernel: Kernel, token: str, wanted: list[Case]) -> Bare:
    """Listen to what our own requests ask the database, for the minimal app to ask the same."""
    from crm_core.auth.tokens import from_authorization

    asked: list[tuple[str, list[Any]]] = []
    fetch = kernel.db.fetch

    async def spy(sql: str, arguments: Any) -> Any:
        asked.append((sql, list(arguments)))
        return await fetch(sql, arguments)

    kernel.db.fetch = spy  # type: ignore[method-assign, assignment]  # to hear the SQL
    actor = await from_authorization(kernel, f"Bearer {token}")
    asked.clear()
    await from_authorization(kernel, f"Bearer {token}")
    lookup = asked[0]
    answers: dict[str, list[tuple[Query, list[Any], Any]]] = {}
    entity = kernel.registry.entity("core.contact")
    seen: list[tuple[Query, list[Any]]] = []
    original = Query.fetch

    async def heard(self: Query, uow: Any, params: Any) -> Any:
        seen.append((self, self.arguments(params)))
        return await original(self, uow, params)

    Query.fetch = heard  # type: ignore[method-assign]  # to hear the SQL
    for case in wanted:
        seen.clear()
        async with kernel.read(actor) as uow:
            if "limit" in case.path:
                cursor = case.path.partition("cursor=")[2] or None
                await query.list_records(uow, entity, query.ListParams(cursor=cursor))
                shape = outputs.output_of(uow, entity).struct
                answers[case.path] = [(q, a, _item(shape)) for q, a in seen]
            else:
                await query.one_record(uow, entity, UUID(case.path.rpartition("/")[2]))
                answers[case.path] = [(q, a, _tuple) for q, a in seen]
    Query.fetch = original  # type: ignore[method-assign]
    kernel.db.fetch = fetch  # type: ignore[method-assign]
    return Bare(kernel.config.database_url, answers, lookup)


def _item(shape: Any) -> Any:
    return lambda _key, _id, *row: shape(*row)


def _tuple(*row: Any) -> Any:
    return row


# --- processes and load


async def serve(which: str, config: Config, port: int, token: str, count: int) -> None:
    """Run one of the two servers until it is told to stop."""
    kernel = await open_kernel(config)
    app: Any = create_app(kernel) if which == "ours" else await statements(kernel, token, await cases(kernel, count))
    await uvicorn.Server(
        uvicorn.Config(app, port=port, log_level="warning", lifespan="on" if which == "ours" else "off")
    ).serve()


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def load(port: int, path: str, token: str, connections: int, seconds: float) -> int:
    """Ask as fast as one process can over some connections; return how many answers came."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    end, done = time.monotonic() + seconds, 0

    async def one() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() < end:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if b" 200 " not in head.partition(b"\r\n")[0]:
                raise RuntimeError(head.decode())
            await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))
            done += 1
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    return done


def used(processes: list[int]) -> float:
    """Return the CPU seconds of processes so far, by their ids."""
    total = 0
    for process in processes:
        try:
            tasks = list(Path(f"/proc/{process}/task").iterdir())
            total += sum(int((t / "schedstat").read_text().split()[0]) for t in tasks)
        except OSError:
            continue  # it ended meanwhile
    return total / 1e9


def database_processes(data: Path | None) -> list[int]:
    """Return the ids of the PostgreSQL server's processes; none for SQLite, which is inside the application."""
    if data is None:
        return []
    main = int((data / "postmaster.pid").read_text().split()[0])
    children = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[1]) == main:
                children.append(int(path.parent.name))
        except OSError:
            continue  # it ended meanwhile
    return [main, *children]


async def measure(
    server: Any, port: int, case: Case, token: str, connections: int, seconds: float, data: Path | None
) -> tuple[float, float]:
    """Return (CPU milliseconds per request, requests per second)."""
    await load(port, case.path, token, connections, 0.3)
    processes = [server.pid, *database_processes(data)]
    before = used(processes)
    done = await load(port, case.path, token, connections, seconds)
    return (used(processes) - before) / done * 1000, done / seconds


async def searches(kernel: Kernel, rounds: int) -> None:
    """Print how long a name search takes in this process, by the length of what was typed."""
    actor = await actor_by_email(kernel, EMAIL)
    made = random.Random(11)
    for length in (6, 4, 3, 2):
        texts = [word(made)[:length] for _ in range(rounds)]
        found: list[float] = []
        for text in [*texts[:3], *texts]:
            async with kernel.read(actor) as uow:
                start = time.perf_counter()
                await search.search(uow, text)
                found.append((time.perf_counter() - start) * 1000)
        middle = statistics.median(found[3:])
        print(f"  name search, {length} letters: {middle:.2f} ms (goal: at most 2)", flush=True)


async def run(url: str, folder: Path, data: Path | None, count: int, seconds: float, rounds: int) -> None:
    """Fill a database, start both servers, and print what they cost."""
    config = config_of(folder, url).prepare()
    kernel = await open_kernel(config)
    token = await fill(kernel, count)
    wanted = await cases(kernel, count)
    await searches(kernel, 30)
    await kernel.close()
    servers = {}
    for which in ("ours", "bare"):
        port = free_port()
        arguments = ["--serve", which, "--url", url, "--folder", str(folder), "--port", str(port), "--token", token]
        command = [sys.executable, "-m", "benchmarks.lists", *arguments, "--contacts", str(count)]
        servers[which] = (subprocess.Popen(command), port)  # noqa: ASYNC220 - nothing else runs here yet
    try:
        for _server, port in servers.values():
            await reachable(port)
        for case in wanted:
            for connections in (1, 16):
                await compare(case, servers, token, connections, seconds, rounds, data)
    finally:
        for server, _port in servers.values():
            server.send_signal(signal.SIGTERM)
            server.wait(10)


async def compare(
    case: Case, servers: Any, token: str, connections: int, seconds: float, rounds: int, data: Path | None
) -> None:
    """Print one line: medians of interleaved rounds."""
    found: dict[str, list[float]] = {"ours": [], "bare": []}
    rates: dict[str, float] = {}
    for _round in range(rounds):
        for which, (server, port) in servers.items():
            cost, rates[which] = await measure(server, port, case, token, connections, seconds, data)
            found[which].append(cost)
    ours, bare = (statistics.median(found[w]) for w in ("ours", "bare"))
    print(
        f"  {case.name}, {connections:2} connections: ours {ours:.2f} ms ({rates['ours']:.0f}/s), "
        f"minimal {bare:.2f} ms, ratio {ours / bare:.2f} (goal: at most {case.goal})",
        flush=True,
    )


async def reachable(port: int) -> None:
    """Wait until a server listens."""
    for _attempt in range(300):
        try:
            _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise RuntimeError("the server does not listen")


def main() -> None:
    """Run the comparison, or, with --serve, one of its servers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"))
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    for hidden in ("--serve", "--url", "--folder", "--token"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        config = config_of(Path(given.folder), given.url).prepare()
        asyncio.run(serve(given.serve, config, given.port, given.token, given.contacts))
        return
    for database in [given.database] if given.database else ["sqlite", "postgresql"]:
        with tempfile.TemporaryDirectory() as name:
            folder, data, url = Path(name), None, f"sqlite+aiosqlite:///{name}/crm.db"
            if database == "postgresql":
                from crm_core.testing.databases import PostgresServer

                server = PostgresServer(folder)
                data, url = server.data, server.create("bench")
            print(f"{database}, {given.contacts} contacts", flush=True)
            asyncio.run(run(url, folder, data, given.contacts, given.seconds, given.rounds))


if __name__ == "__main__":
    main()
