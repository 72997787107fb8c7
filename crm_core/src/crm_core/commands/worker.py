"""`crm worker`: runs background jobs beside the web servers, under a parent that restarts what is killed."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys

import click

from crm_core.cli import folder
from crm_core.commands.supervisor import CANNOT_START, Child, Supervisor, end_with_parent
from crm_core.config import Config
from crm_core.errors import StartupError


@click.command(name="worker")
@folder
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="Worker processes.")
@click.option("--threads", type=click.IntRange(1, 64), default=8, show_default=True, help="Jobs at once in each.")
def command(config: Config, processes: int, threads: int) -> None:
    """Run background jobs: those of the database, handed over through Redis when `redis_url` is set."""
    children = [
        Child(
            f"worker {number}",
            ("-m", "crm_core.commands.worker", "--folder", str(config.folder), "--threads", str(threads)),
        )
        for number in range(1, processes + 1)
    ]
    sys.exit(Supervisor(children, grace=8.0).run())


async def child(config: Config, threads: int) -> None:
    """Be a worker process until SIGTERM."""
    from dataclasses import replace

    from crm_core.commands.serve import bring_up
    from crm_core.jobs.background import clockwork, default_pace, prepare, stop
    from crm_core.jobs.runner import Runner
    from crm_core.kernel import open_kernel

    kernel = await open_kernel(config)
    await bring_up(kernel, upgrade=False)
    await prepare(kernel)
    pace = replace(default_pace(kernel), concurrent=threads)
    tasks = clockwork(kernel)
    if config.redis_url is None:
        tasks.append(asyncio.create_task(Runner(kernel, pace).run()))
    else:
        from crm_core.jobs.transport import WorkerLoop, hear

        tasks.append(asyncio.create_task(hear(kernel)))
        tasks.append(asyncio.create_task(WorkerLoop(kernel, pace).run()))
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    waiting = asyncio.create_task(ended.wait())
    await asyncio.wait([waiting, tasks[-1]], return_when=asyncio.FIRST_COMPLETED)
    broken = tasks[-1].done()
    await stop([*tasks, waiting])  # type: ignore[list-item]  # a task of any result
    await kernel.close()
    if broken:
        sys.exit(1)


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True)
    for name in ("threads", "alive"):
        parser.add_argument(f"--{name}", type=int, required=True)
    given = parser.parse_args()
    end_with_parent(given.alive)
    os.set_inheritable(given.alive, False)
    try:
        import uvloop

        from crm_core.log import configure

        config = Config.load(given.folder)
        configure(config)
        uvloop.run(child(config, given.threads))
    except StartupError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201 - for the installer
        sys.exit(CANNOT_START)


if __name__ == "__main__":
    _main()
