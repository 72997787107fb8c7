"""Killed writers, restarted servers, full queues: nothing acknowledged is lost, and the pools heal by themselves."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, sleep

import pytest
import sqlalchemy as sa
from crm_core.db.engine import Database, unavailable
from crm_core.db.tables import Epoch
from crm_core.errors import Unavailable
from crm_core.testing.databases import PostgresServer
from crm_core.testing.folders import fast_folder

pytestmark = pytest.mark.faults
only_sqlite = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)

WRITER = """
import asyncio, sys
import sqlalchemy as sa
from crm_core.db.engine import Database
from crm_core.db.tables import Epoch
url, start = sys.argv[1], int(sys.argv[2])

async def main():
    db = Database.open(url)
    n = start
    while True:
        async with db.session(readonly=False) as session:
            await session.execute(sa.insert(Epoch), [{"name": f"{n}-{part}", "value": n} for part in "abc"])
            await session.commit()
        print(n, flush=True)
        n += 1

asyncio.run(main())
"""


async def names(db):
    return {r[0] for r in await db.fetch("select name from core_epoch", [])}


async def test_killed_writer_loses_nothing_acknowledged_and_leaves_no_half_transaction(db):
    url = db.url.render_as_string(hide_password=False)
    acknowledged: list[int] = []
    for round_ in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(round_ * 100_000)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        acknowledged.append(int(writer.stdout.readline()))
        sleep(random.uniform(0.01, 0.15))
        os.kill(writer.pid, signal.SIGKILL)
        # The last line may be cut off in the middle.
        acknowledged += [int(line) for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        writer.stdout.close()
        writer.wait()
    found = await names(db)
    assert len(acknowledged) > 10
    assert not [n for n in acknowledged for part in "abc" if f"{n}-{part}" not in found]
    assert len(found) % 3 == 0
    if db.sqlite:
        assert await db.fetch("pragma integrity_check", []) == [("ok",)]
        assert await db.fetch("pragma foreign_key_check", []) == []


@only_sqlite
async def test_twenty_writers_in_two_processes_never_see_a_locked_database(db):
    url = str(db.url)
    other = subprocess.Popen([sys.executable, "-c", WRITER, url, "900000"], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    other.stdout.readline()

    async def write(n):
        for k in range(5):
            async with db.session(readonly=False) as session:
                session.add(Epoch(name=f"w{n}-{k}", value=1))
                await session.commit()

    try:
        await asyncio.gather(*(write(n) for n in range(20)))
    finally:
        other.kill()
        other.communicate()
    assert len([n for n in await names(db) if n.startswith("w")]) == 100


@only_sqlite
async def test_file_that_is_no_database_is_a_clear_error(tmp_path, dialect):
    (tmp_path / "crm.db").write_text("not a database, " * 100)
    db = Database.open(f"sqlite+aiosqlite:///{tmp_path / 'crm.db'}")
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        await db.fetch("select 1", [])
    await db.close()


@pytest.fixture
def own_server():
    """A PostgreSQL that this test may stop."""
    with tempfile.TemporaryDirectory(prefix="crm-own-", dir=fast_folder()) as folder:
        server = PostgresServer(Path(folder))
        yield server
        server.close()


@pytest.fixture
async def fragile(own_server):
    """A database with one table on a server that may be stopped."""
    made = Database.open(own_server.create("fragile"), testing=True)
    async with made.write.begin() as connection:
        await connection.run_sync(lambda c: Epoch.__table__.create(c))
    yield made
    await made.close()


@pytest.mark.postgres
@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_restarted_server_costs_clean_errors_only_and_is_found_again(own_server, fragile, mode):
    db = fragile
    acknowledged, refused, bugs, stop = [], 0, [], asyncio.Event()

    async def work(n):
        nonlocal refused
        k = 0
        while not stop.is_set():
            name, k = f"{n}-{k}", k + 1
            try:
                async with db.session(readonly=False) as session:
                    session.add(Epoch(name=name, value=1))
                    await session.commit()
                acknowledged.append(name)
                async with db.session(readonly=True) as session:
                    await session.scalar(sa.select(sa.func.count()).select_from(Epoch))
                await db.fetch("select 1", [])
            except Exception as error:  # noqa: BLE001 - every one is judged
                if isinstance(unavailable(error) or error, Unavailable):
                    refused += 1
                else:
                    bugs.append(error)
                await asyncio.sleep(0.01)

    workers = [asyncio.create_task(work(n)) for n in range(6)]
    await asyncio.sleep(0.3)
    for _ in range(2):
        await asyncio.to_thread(own_server.restart, mode=mode)
        before, started = len(acknowledged), perf_counter()
        while len(acknowledged) == before:
            assert perf_counter() - started < 5
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
    stop.set()
    await asyncio.gather(*workers)
    assert bugs == []
    assert refused > 0
    assert not set(acknowledged) - await names(db)


@pytest.mark.postgres
async def test_idle_pool_survives_a_restart_without_a_single_error(own_server, fragile):
    """The driver knows that its sockets were closed; no ping is paid for on each request."""
    db = fragile
    await db.fetch("select 1", [])
    async with db.session(readonly=True) as session:
        await session.scalar(sa.select(Epoch.value))
    await asyncio.to_thread(own_server.restart)
    await asyncio.sleep(0.05)
    async with db.session(readonly=True) as session:
        assert await session.scalar(sa.select(Epoch.value)) is None
    async with db.session(readonly=False) as session:
        session.add(Epoch(name="a", value=1))
        await session.commit()
    assert [r[0] for r in await db.fetch("select name from core_epoch", [])] == ["a"]


@pytest.mark.postgres
async def test_stopped_server_is_answered_with_unavailable_and_soon(own_server, fragile):
    db = fragile
    await db.fetch("select 1", [])
    await asyncio.to_thread(own_server.stop, mode="immediate")
    started = perf_counter()
    with pytest.raises(Unavailable):
        await db.fetch("select 1", [])
    with pytest.raises(Unavailable):
        async with db.session(readonly=True) as session:
            await session.scalar(sa.text("select 1"))
    assert perf_counter() - started < 3
