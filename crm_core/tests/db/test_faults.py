"""F8, F9: killed writers, restarted servers, cut connections: nothing acknowledged is lost, the pools heal themselves.

N is a twentieth; the whole number with `nox -s faults -- --full`.
"""

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

WRITES = """
async def write(url, start, told):
    db, n = Database.open(url), start
    while True:
        async with db.session(readonly=False) as session:
            await session.execute(sa.insert(Epoch), [{"name": f"{n}-{part}", "value": n} for part in "abc"])
            await session.commit()
        os.write(told, f"{n}\\n".encode())
        n += 1
"""
# Forks writers that have everything loaded: a kill costs the time of a fork, not of an interpreter.
NURSERY = f"""
import asyncio, os, sys
import sqlalchemy as sa
from crm_core.db.engine import Database
from crm_core.db.tables import Epoch
{WRITES}
for line in sys.stdin:
    url, start, path = line.split()
    child = os.fork()
    if child == 0:
        asyncio.run(write(url, int(start), os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)))
    print(child, flush=True)
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


class Nursery:
    """Starts writers in other processes and kills them; `acknowledged` is what they had committed."""

    def __init__(self, folder, url):
        self.process = subprocess.Popen(
            [sys.executable, "-c", NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.told, self.url, self.started = folder / "told", url, 0
        self.told.touch()

    def writer(self):
        size, self.started = self.told.stat().st_size, self.started + 1
        self.process.stdin.write(f"{self.url} {self.started * 100_000} {self.told}\n")
        pid = int(self.process.stdout.readline())
        while self.told.stat().st_size == size:
            sleep(0.001)
        return pid

    def kill(self, pid):
        os.kill(pid, signal.SIGKILL)
        assert self.process.stdout.readline() == "dead\n"

    def acknowledged(self):
        # The last line of a killed writer may be cut off in the middle.
        return [int(line) for line in self.told.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def close(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def nursery(db, tmp_path):
    made = Nursery(tmp_path, db.url.render_as_string(hide_password=False))
    yield made
    made.close()


async def names(db):
    return {r[0] for r in await db.fetch("select name from core_epoch", [])}


@pytest.mark.timeout(900)
async def test_killed_writer_loses_nothing_acknowledged_and_leaves_no_half_transaction(db, nursery, full):
    kills, chance, sound = 300 if full else 15, random.Random(9), 0
    for round_ in range(kills):
        pid = nursery.writer()
        sleep(chance.uniform(0, 0.04))
        nursery.kill(pid)
        if db.sqlite:
            sound += await db.fetch("pragma integrity_check", []) == [("ok",)]
            assert sound == round_ + 1
            assert await db.fetch("pragma foreign_key_check", []) == []
    found, acknowledged = await names(db), nursery.acknowledged()
    lost = [n for n in acknowledged for part in "abc" if f"{n}-{part}" not in found]
    half = len(found) % 3
    print(f"F9 {db.dialect}: {kills} kills in a write, integrity ok {sound if db.sqlite else '(not asked)'}, "
          f"{len(acknowledged)} transactions acknowledged, {len(lost)} rows lost, {half} half transactions")  # fmt: skip  # noqa: E501
    assert len(acknowledged) >= kills
    assert (lost, half) == ([], 0)


@only_sqlite
async def test_twenty_writers_beside_another_process_never_see_a_locked_database(db, nursery, full):
    pid, each, errors = nursery.writer(), 100 if full else 5, []

    async def write(n):
        for k in range(each):
            try:
                async with db.session(readonly=False) as session:
                    session.add(Epoch(name=f"w{n}-{k}", value=1))
                    await session.commit()
            except Exception as error:  # noqa: BLE001 - every one is a fault
                errors.append(error)

    await asyncio.gather(*(write(n) for n in range(20)))
    nursery.kill(pid)
    written = len([n for n in await names(db) if n.startswith("w")])
    print(f"F9 sqlite: 20 writers beside a second process, {written} of {20 * each} written, {len(errors)} locked")
    assert (written, errors) == (20 * each, [])


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


class Load:
    """Six writers and readers on one database until told to stop; each error is judged."""

    def __init__(self, db):
        self.db, self.stop, self.acknowledged, self.refused, self.bugs = db, asyncio.Event(), [], 0, []

    async def work(self, n):
        k = 0
        while not self.stop.is_set():
            name, k = f"{n}-{k}", k + 1
            try:
                async with self.db.session(readonly=False) as session:
                    session.add(Epoch(name=name, value=1))
                    await session.commit()
                self.acknowledged.append(name)
                async with self.db.session(readonly=True) as session:
                    await session.scalar(sa.select(sa.func.max(Epoch.name)))
                await self.db.fetch("select 1", [])
            except Exception as error:  # noqa: BLE001 - every one is judged
                if isinstance(unavailable(error) or error, Unavailable):
                    self.refused += 1
                else:
                    self.bugs.append(error)
                await asyncio.sleep(0.01)

    async def under(self, faults, count):
        """Run `faults()` that many times under load; return the seconds from each to the next good answer."""
        workers = [asyncio.create_task(self.work(n)) for n in range(6)]
        await asyncio.sleep(0.3)
        waits = []
        for _ in range(count):
            await faults()
            before, started = len(self.acknowledged), perf_counter()
            while len(self.acknowledged) == before:
                assert perf_counter() - started < 5, "no good answer within 5 s"
                await asyncio.sleep(0.01)
            waits.append(perf_counter() - started)
            await asyncio.sleep(0.1)
        self.stop.set()
        await asyncio.gather(*workers)
        return waits


@pytest.mark.postgres
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_restarted_server_costs_clean_errors_only_and_is_found_again(own_server, fragile, mode, full):
    count, load = (25 if full else {"fast": 1, "immediate": 2}[mode]), Load(fragile)
    waits = await load.under(lambda: asyncio.to_thread(own_server.restart, mode=mode), count)
    lost = set(load.acknowledged) - await names(fragile)
    print(f"F8 {mode}: {count} restarts under load, {len(load.acknowledged)} writes acknowledged, {len(lost)} lost, "
          f"{load.refused} refused cleanly, {len(load.bugs)} other errors, first good answer after at most "
          f"{max(waits):.2f} s, 0 restarts of ours")  # fmt: skip
    assert (load.bugs, lost) == ([], set())
    assert load.refused > 0


@pytest.mark.postgres
@pytest.mark.timeout(900)
async def test_cut_connections_cost_clean_errors_only(own_server, fragile, full):
    count, load = 200 if full else 10, Load(fragile)
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'fragile'"
    waits = await load.under(lambda: asyncio.to_thread(own_server.run, cut), count)
    lost = set(load.acknowledged) - await names(fragile)
    print(f"F8: all connections cut {count} times under load, {len(load.acknowledged)} writes acknowledged, "
          f"{len(lost)} lost, {load.refused} refused cleanly, {len(load.bugs)} other errors, first good answer after "
          f"at most {max(waits):.2f} s")  # fmt: skip
    assert (load.bugs, lost) == ([], set())


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
