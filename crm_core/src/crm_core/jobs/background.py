"""What runs beside the requests of a process: jobs, schedules, numbering of events, calls to the workers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from crm_core.jobs import rows, schedules
from crm_core.jobs.dispatch import Dispatcher
from crm_core.jobs.execute import Pace
from crm_core.jobs.loops import cancelled
from crm_core.jobs.runner import Runner
from crm_core.jobs.sinks import Sinks

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
NUMBER_SECONDS = 1.0


@asynccontextmanager
async def background(kernel: Kernel, pace: Pace | None = None) -> AsyncGenerator[None]:
    """Run what belongs to a web process: embedded everything, scaled out only the calls to the workers."""
    if not kernel.config.jobs:
        yield
        return
    if kernel.config.redis_url is not None:
        from crm_core.jobs import transport  # embedded, dramatiq is never imported

        tasks = [asyncio.create_task(transport.announce(kernel))]
    else:
        await prepare(kernel)
        tasks = [asyncio.create_task(Runner(kernel, pace or default_pace(kernel)).run()), *clockwork(kernel)]
    try:
        yield
    finally:
        await stop(tasks)


def default_pace(kernel: Kernel) -> Pace:
    """Return the pace the configuration asks for."""
    return Pace(lease=kernel.config.job_lease)


async def prepare(kernel: Kernel) -> None:
    """Fill declared schedules and give parked jobs another try; once per start."""
    await schedules.fill(kernel)
    async with kernel.db.write.begin() as connection:
        await rows.unpark(connection, tuple(kernel.registry.jobs_by_name))


def clockwork(kernel: Kernel) -> list[asyncio.Task[None]]:
    """Start the loops that every process with a job loop has; several processes are safe."""
    dispatcher = Dispatcher(kernel)
    return [
        asyncio.create_task(_for_ever("schedules", lambda: schedules.tick(kernel), TICK_SECONDS)),
        asyncio.create_task(_for_ever("event positions", dispatcher.number, NUMBER_SECONDS)),
        asyncio.create_task(Sinks(kernel).run()),
    ]


async def _for_ever(what: str, step: Callable[[], Awaitable[object]], seconds: float) -> None:
    broken = False
    while not cancelled():
        try:
            await step()
            broken = False
        except Exception as error:  # noqa: BLE001 - the database is away: try again
            if not broken:
                log.warning("%s: %s", what, error)
            broken = True
        await asyncio.sleep(seconds)


async def stop(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel background tasks and wait for their end."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
