"""F18: processes that draw gapless numbers are killed: the numbers in use stay consecutive, none twice, none lost."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.features.companies.models import Company
from crm_core.features.number_series.models import NumberCounter
from crm_core.features.number_series.public import ensure_series, next_number
from crm_core.kernel import Kernel

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

KILLS, SHARE = 300, 15
STEPS = ("drawn", "at random", "committed")
"""After the number, before the commit; at any moment; after the commit, before anybody heard of the number."""
DRAWERS, SECONDS = 3, 60.0
KIND, SYSTEM, DAY = "test.paper", system("test"), date(2026, 5, 1)
# Forks drawers that have everything loaded. Each writes the numbers it was told to a file outside the database.
NURSERY = """
import asyncio, logging, os, signal, sys
from datetime import date
from pathlib import Path
from crm_core.auth.actor import system
from crm_core.config import Config
from crm_core.entity import records
from crm_core.errors import Unavailable
from crm_core.features.number_series.public import next_number
from crm_core.kernel import open_kernel
from crm_core.plugin.loader import load

folder, url = Path(sys.argv[1]), sys.argv[2]
config = Config(folder=folder / "crm", database_url=url, secret_key="a key that only tests use, long enough",
                jobs=False, log_level="error")
registry = load(config)
logging.disable(logging.WARNING)  # how long each held the writer

def die(step):
    (folder / f"died-{os.getpid()}").write_text(step)
    os.kill(os.getpid(), signal.SIGKILL)

async def draw(step, after):
    kernel = await open_kernel(config, registry=registry)
    told = os.open(folder / "told", os.O_WRONLY | os.O_APPEND)
    while True:
        try:
            async with kernel.write(system("test")) as uow:
                number = await next_number(uow, "test.paper", on=date(2026, 5, 1))
                await records.create(uow, registry.entity("core.company"), {"name": number}, trusted=True)
                after -= 1
                if step == "drawn" and after <= 0:
                    await uow.settle()
                    die(step)
        except Unavailable:
            continue  # a busy machine; nothing was stored
        if step == "committed" and after <= 0:
            die(step)
        os.write(told, f"{number}\\n".encode())

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    step, after = line.rsplit(" ", 1)
    child = os.fork()
    if child == 0:
        asyncio.run(draw(step, int(after)))
    print(child, flush=True)
"""


class Nursery:
    """Starts processes that draw numbers without end; `told` are the numbers that somebody heard of."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.alive = folder, list[int]()
        (folder / "told").touch()
        self.process = subprocess.Popen(
            [sys.executable, "-c", NURSERY, str(folder), url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, step: str, after: int) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{step} {after}\n")
        self.process.stdin.flush()
        self.alive.append(int(self.process.stdout.readline()))
        return self.alive[-1]

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        self.alive.remove(pid)

    def wait_for_death(self, pid: int) -> None:
        deadline = time.monotonic() + SECONDS
        while not (self.folder / f"died-{pid}").exists():
            assert time.monotonic() < deadline, "nobody reached the step"
            time.sleep(0.005)
        self.alive.remove(pid)

    def told(self) -> list[str]:
        # The last line of a killed process may be cut off in the middle.
        lines = (self.folder / "told").read_text().splitlines(keepends=True)
        return [line.strip() for line in lines if line.endswith("\n")]

    def close(self) -> None:
        for pid in self.alive:
            os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def nursery(kernel: Kernel, tmp_path: Path) -> Iterator[Nursery]:
    folder = tmp_path / "drawers"
    folder.mkdir()
    made = Nursery(folder, kernel.db.url.render_as_string(hide_password=False))
    yield made
    made.close()


def kill_some(nursery: Nursery, kills: int) -> Counter[str]:
    """Kill drawers at each step in turn while others go on; return how many died where."""
    chance, died = random.Random(18), Counter[str]()
    for _one in range(DRAWERS):
        nursery.start("at random", 0)
    for number in range(kills):
        step = STEPS[number % len(STEPS)]
        if step == "at random":
            heard = len(nursery.told())
            deadline = time.monotonic() + SECONDS
            while len(nursery.told()) == heard:
                assert time.monotonic() < deadline, "nobody draws any more"
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.1))
            nursery.kill(chance.choice(nursery.alive))
            nursery.start(step, 0)
        else:
            nursery.wait_for_death(nursery.start(step, chance.randint(1, 4)))
        died[step] += 1
    while nursery.alive:
        nursery.kill(nursery.alive[-1])
        died["at random"] += 1
    return died


async def test_killed_processes_leave_consecutive_numbers_none_twice_none_lost(
    kernel: Kernel, nursery: Nursery, full: bool
) -> None:
    kernel.db.write_limit = None  # on a busy machine the test's own writes may take their time
    async with kernel.write(SYSTEM) as uow:
        await ensure_series(uow, KIND, "Papers", "Q-{year}-{number:06}", gapless=True)
    began = time.monotonic()
    died = await asyncio.to_thread(kill_some, nursery, KILLS if full else SHARE)
    await asyncio.sleep(0.5)  # PostgreSQL rolls back what the dead had open
    async with kernel.read(SYSTEM) as uow:
        used = list(await uow.session.scalars(sa.select(Company.name)))
        last = await uow.session.scalar(sa.select(NumberCounter.last))
    counted, heard = Counter(used), nursery.told()
    expected = {f"Q-2026-{n:06}" for n in range(1, (last or 0) + 1)}
    twice = [name for name, times in counted.items() if times > 1] + [n for n, t in Counter(heard).items() if t > 1]
    holes, lost = sorted(expected - set(counted)), sorted(set(heard) - set(counted))
    print(
        f"\nF18 {kernel.db.dialect}: N = {sum(died.values())} kills ({dict(died)}), {len(used)} gapless numbers drawn "
        f"by {DRAWERS} processes and more, {len(heard)} heard of: {len(holes)} holes, {len(twice)} twice, "
        f"{len(lost)} lost; {time.monotonic() - began:.0f} s"
    )
    assert (holes, twice, lost, set(counted) - expected) == ([], [], [], set())
    assert len(heard) >= sum(died.values()) // 3
    async with kernel.write(SYSTEM) as uow:
        assert await next_number(uow, KIND, on=DAY) == f"Q-2026-{(last or 0) + 1:06}"
