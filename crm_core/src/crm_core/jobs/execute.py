"""One attempt at one job, from its row to its next state; the same in the web process and in a worker."""

from __future__ import annotations

import asyncio
import logging
import random
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from crm_core.errors import RetryJob
from crm_core.isolate import run_in_process
from crm_core.jobs import rows
from crm_core.jobs.calls import Undecodable, decode
from crm_core.jobs.context import Cancelled, JobContext, Parked
from crm_core.plugin.declare import Job, JobCall

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

log = logging.getLogger(__name__)

ISOLATED_MEGABYTES = 512
LONGEST_ERROR = 20_000


@dataclass(frozen=True, slots=True)
class Pace:
    """How jobs are run; times in seconds.

    concurrent: jobs at once in one process. lease: how long the job of a killed process waits.
    poll: how often the table is asked when nobody called. back_off: before the second attempt, then
    doubled up to `longest`. grace: running jobs may finish for so long at the end.
    """

    concurrent: int = 8
    lease: float = 15.0
    poll: float = 0.5
    back_off: float = 2.0
    longest: float = 3600.0
    grace: float = 2.0

    def delay(self, attempt: int) -> float:
        """Return the pause after a failed attempt, scattered by a fifth so that failures do not march in step."""
        return min(self.longest, self.back_off * 2.0 ** (attempt - 1)) * random.uniform(0.8, 1.2)  # noqa: S311 - no secret


async def execute(kernel: Kernel, claimed: rows.Claimed, pace: Pace) -> None:
    """Run a claimed job and bring its row to the state that follows. Raises nothing but cancellation."""
    job = kernel.registry.jobs_by_name[claimed.kind]
    try:
        await _attempt(kernel, job, claimed, pace)
    except asyncio.CancelledError:
        await asyncio.shield(give_back(kernel, [claimed]))
        raise
    except rows.LeaseLost as lost:
        log.warning("%s: %s", claimed.kind, lost)
    except Exception as error:  # noqa: BLE001 - the database is away: the lease heals it
        log.warning("%s %s: its end could not be written: %s", claimed.kind, claimed.id, error)


async def _attempt(kernel: Kernel, job: Job, claimed: rows.Claimed, pace: Pace) -> None:
    limit = asyncio.timeout(job.time_limit)
    try:
        call = decode(job, claimed.args)
        context = JobContext(kernel, claimed, call, pace.lease)
        async with limit:
            await _run(job, context, call)
    except (Undecodable, Parked) as reason:
        await _put_back(kernel, claimed, None, counts=False, state="parked", error=str(reason))
    except RetryJob as again:
        await _put_back(kernel, claimed, again.delay, counts=False)
    except Cancelled:
        await _finish(kernel, claimed, "cancelled")
    except rows.LeaseLost:
        raise
    except Exception as error:  # noqa: BLE001 - a job may fail in any way; the row tells
        over = isinstance(error, TimeoutError) and limit.expired()
        await _failed(kernel, job, claimed, pace, error, f"did not end within {job.time_limit:g} s" if over else "")
    else:
        if not context.finished:
            await _finish(kernel, claimed, "done")


async def _run(job: Job, context: JobContext, call: JobCall) -> None:
    if not job.isolated:
        await job.run(context, call)
        return
    function: Any = job.run  # of an isolated job: bytes to bytes
    answer = await run_in_process(function, msgspec.json.encode(call), job.time_limit, ISOLATED_MEGABYTES)
    async with context.transaction() as uow:
        await context.finish(uow, result=msgspec.json.decode(answer) if answer else None)


async def _failed(kernel: Kernel, job: Job, claimed: rows.Claimed, pace: Pace, error: Exception, prefix: str) -> None:
    text = "\n".join(filter(None, (prefix, "".join(traceback.format_exception(error)))))[-LONGEST_ERROR:]
    text = text.replace("\0", "")  # PostgreSQL has no text with NUL
    if claimed.attempts >= job.max_attempts:
        log.error("job %s %s is dead after %s attempts", claimed.kind, claimed.id, claimed.attempts, exc_info=error)
        await _finish(kernel, claimed, "dead", error=text)
    else:
        log.warning("job %s %s failed (attempt %s): %r", claimed.kind, claimed.id, claimed.attempts, error)
        await _put_back(kernel, claimed, pace.delay(claimed.attempts), counts=True, error=text)


async def _finish(kernel: Kernel, claimed: rows.Claimed, state: str, error: str | None = None) -> None:
    async with kernel.db.write.begin() as connection:
        await rows.finish(connection, claimed, state, error=error)


async def _put_back(
    kernel: Kernel, claimed: rows.Claimed, delay: float | None, *, counts: bool, **values: object
) -> None:
    async with kernel.db.write.begin() as connection:
        if not await rows.put_back(connection, claimed, delay, counts=counts, **values):
            raise rows.LeaseLost(f"job {claimed.id} is no longer ours")


async def give_back(kernel: Kernel, held: Sequence[rows.Claimed], *, counted: bool = True) -> None:
    """Return jobs that did not run to their end, so that others need not wait for the lease.

    counted: their claim counted as an attempt, which is taken back.
    """
    if held:
        async with kernel.db.write.begin() as connection:
            for claimed in held:
                await rows.put_back(connection, claimed, None, counts=not counted)
