"""Schedules as rows: each tick enqueues its call once, however many processes look."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
from cronsim import CronSim, CronSimError
from sqlalchemy.dialects import postgresql, sqlite

from crm_core.db.types import utcnow
from crm_core.errors import Invalid, StartupError
from crm_core.i18n import Strings
from crm_core.jobs.calls import Undecodable, decode, job_row, kind_of
from crm_core.jobs.rows import JOBS, SCHEDULES, Connection
from crm_core.plugin import hookspecs
from crm_core.plugin.declare import JobCall

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")

LATE_SECONDS = 60.0
"""A tick enqueued later than this is marked late."""

schedule = SCHEDULES.c


class BadSchedule(Invalid):
    """The cron expression or the time zone cannot be understood, or never comes."""


def next_tick(cron: str, zone: str, after: datetime) -> datetime:
    """Return the first tick after an instant, in UTC; BadSchedule if there is none.

    Five fields (or six, seconds first), read on the clock of `zone`: as Debian's cron does, a fixed hour
    that spring skips comes right after the gap, and one that autumn repeats comes once.
    """
    try:
        return next(CronSim(cron, after.astimezone(ZoneInfo(zone)))).astimezone(UTC)
    except (CronSimError, StopIteration) as error:
        raise BadSchedule(_("This is not a schedule that ever comes."), fields={"cron": cron}) from error
    except (KeyError, ValueError, OSError) as error:  # what ZoneInfo raises for names it does not know
        raise BadSchedule(_("This time zone is not known."), fields={"zone": zone}) from error


async def put(uow: UnitOfWork, key: str, call: JobCall, cron: str, zone: str = "UTC") -> None:
    """Make a schedule or change it; its next tick is counted from now unless cron and zone are as before."""
    await _put(uow.session, uow.db.dialect, _row(uow.kernel, key, call, cron, zone, uow.now, declared=False))


async def remove(uow: UnitOfWork, key: str) -> None:
    """Remove a schedule; nothing happens when there is none. Jobs already enqueued stay."""
    await uow.session.execute(sa.delete(SCHEDULES).where(schedule.key == key))


def _row(
    kernel: Kernel, key: str, call: JobCall, cron: str, zone: str, now: datetime, *, declared: bool
) -> dict[str, Any]:
    kind, _job = kind_of(kernel.registry, call)
    return {
        "key": key, "kind": kind, "args": msgspec.to_builtins(call), "cron": cron, "zone": zone,
        "next_at": next_tick(cron, zone, now), "enabled": True, "declared": declared,
    }  # fmt: skip


async def _put(connection: Connection, dialect: str, row: dict[str, Any]) -> None:
    insert: Any = (postgresql if dialect == "postgresql" else sqlite).insert(SCHEDULES).values(row)
    new = insert.excluded
    same = sa.and_(schedule.cron == new.cron, schedule.zone == new.zone)
    kept = {n: new[n] for n in ("kind", "args", "cron", "zone", "declared")}
    kept["next_at"] = sa.case((same, schedule.next_at), else_=new.next_at)
    await connection.execute(insert.on_conflict_do_update(index_elements=["key"], set_=kept))


async def fill(kernel: Kernel) -> None:
    """Bring the rows of declared schedules in line with the loaded plugins; those of absent plugins stay.

    Raises StartupError for a schedule that cannot be understood.
    """
    declared = kernel.registry.gather(hookspecs.crm_schedules)
    now, found = utcnow(), []
    for given in declared:
        try:
            found.append(_row(kernel, given.name, given.call, given.cron, given.zone, now, declared=True))
        except (BadSchedule, LookupError) as error:
            raise StartupError(f"schedule {given.name}: {error}") from error
    kinds = tuple(kernel.registry.jobs_by_name)
    async with kernel.db.write.begin() as connection:
        for row in found:
            await _put(connection, kernel.db.dialect, row)
        await connection.execute(
            sa.delete(SCHEDULES).where(
                schedule.declared, schedule.kind.in_(kinds), schedule.key.not_in([r["key"] for r in found])
            )
        )


async def tick(kernel: Kernel, now: datetime | None = None) -> int:
    """Enqueue the calls of all schedules that are due; return how many this process enqueued.

    Ticks missed meanwhile fire once together, for the first of them, marked late.
    """
    now = now or utcnow()
    kinds = tuple(kernel.registry.jobs_by_name)
    due = sa.select(SCHEDULES).where(schedule.next_at <= now, schedule.enabled, schedule.kind.in_(kinds))
    async with kernel.db.read.connect() as connection:
        waiting = (await connection.execute(due.order_by(schedule.next_at).limit(500))).all()
    fired = 0
    for row in waiting:
        fired += await _fire(kernel, row, now)
    if fired:
        kernel.wake.set()
    return fired


async def _fire(kernel: Kernel, row: Any, now: datetime) -> int:
    """Move one schedule on by compare-and-set; whoever moved it enqueues, in the same transaction."""
    try:
        call = decode(kernel.registry.jobs_by_name[row.kind], row.args)
    except Undecodable:
        return 0  # parked: its plugin may understand it again in another version
    following = next_tick(row.cron, row.zone, now)
    job = job_row(
        kernel.registry, call, now=now, run_at=row.next_at, key=f"schedule:{row.key}:{row.next_at:%Y-%m-%dT%H:%M:%S}",
        late=(now - row.next_at).total_seconds() > LATE_SECONDS or next_tick(row.cron, row.zone, row.next_at) <= now,
    )  # fmt: skip
    async with kernel.db.write.begin() as connection:
        moved = await connection.execute(
            sa.update(SCHEDULES)
            .where(schedule.key == row.key, schedule.next_at == row.next_at)
            .values(next_at=following, last_at=row.next_at)
        )
        if moved.rowcount != 1:
            return 0
        insert: Any = postgresql.insert if kernel.db.dialect == "postgresql" else sqlite.insert
        await connection.execute(insert(JOBS).values(job).on_conflict_do_nothing())
    return 1
