"""Import of contacts with e-mail, phone and company into a fresh database, with events and search.

    python benchmarks/import_contacts.py [--rows 100000] [--database URL]

Prints rows per second, CPU per row, the longest stall of the event loop, and memory at each tenth of the way
(SQLite's page cache takes up to 64 MB of it).
Goals: 2,000 rows/s on SQLite, no stall over 50 ms, memory flat.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import gc
import sys
import tempfile
import time
from pathlib import Path

from crm_core.auth.actor import system
from crm_core.commands.serve import bring_up
from crm_core.config import Config
from crm_core.features.imports.public import Plan, Report, guess, open_sheet, run_import
from crm_core.kernel import open_kernel


def memory() -> float:
    """Return the memory of this process in MB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6


def make_file(path: Path, rows: int) -> Path:
    """Write the file to import."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["First name", "Last name", "E-mail", "Phone", "Job title", "City"])
        for n in range(rows):
            name = (f"Anna{n % 97}", f"Müller{n}" if n % 5 == 0 else f"Smith{n}")
            writer.writerow([*name, f"anna.{n}@firm{n % 500}.example", f"+49 40 {100_000 + n}", "Buyer", "Hamburg"])
    return path


async def stalls(found: list[float], busy: list[float]) -> None:
    """Measure how much later than asked the loop comes back, and how much CPU it used meanwhile.

    On a machine with other work the CPU figure is the one to trust.
    """
    while True:
        start, cpu = time.perf_counter(), time.thread_time()
        await asyncio.sleep(0.005)
        found.append(time.perf_counter() - start - 0.005)
        busy.append(time.thread_time() - cpu)


async def run(rows: int, database: str) -> None:
    """Import and print the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = Config(folder=folder, database_url=database or f"sqlite+aiosqlite:///{folder / 'crm.db'}")
        kernel = await open_kernel(config)
        await bring_up(kernel, upgrade=True)
        entity, actor = kernel.registry.entity("core.contact"), system("benchmark")
        sheet = open_sheet(make_file(folder / "contacts.csv", rows))
        plan = Plan(entity=entity, mapping=guess(kernel.registry, actor, entity, sheet.columns))
        seen: list[tuple[int, float, int]] = []

        def progress(report: Report) -> None:
            if report.rows >= rows // 10 * (len(seen) + 1):
                seen.append((report.rows, memory(), sys.getallocatedblocks()))

        gc.collect()
        gc.freeze()
        late: list[float] = []
        busy: list[float] = []
        watch = asyncio.create_task(stalls(late, busy))
        cpu, start = time.process_time(), time.perf_counter()
        report = await run_import(kernel, actor, sheet, plan, progress=progress)
        took, cpu = time.perf_counter() - start, time.process_time() - cpu
        watch.cancel()
        await kernel.close()
        late.sort()
        p99 = late[int(len(late) * 0.99)] * 1000
        print(f"{report.created} created, {report.failed} failed, {kernel.db.dialect}")
        print(f"rows/s                    {rows / took:8.0f}   goal 2000")
        print(f"CPU ms a row              {cpu / rows * 1000:8.3f}   (goal 0.500 on an idle core)")
        print(f"longest stall ms          {late[-1] * 1000:8.0f}   goal 50 (p99 {p99:.0f})")
        print(f"longest CPU stretch ms    {max(busy) * 1000:8.0f}   goal 50")
        for count, size, blocks in seen:
            print(f"memory MB at {count:>7} rows   {size:8.0f}   Python objects {blocks}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--database", default="", help="address of an empty database (default: a SQLite file)")
    given = parser.parse_args()
    sys.exit(asyncio.run(run(given.rows, given.database)))
