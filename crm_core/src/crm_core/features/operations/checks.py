"""What `crm doctor` looks at beside the database: Redis, mail, keys, clock, jobs, schedules, disk."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.features.mail import public as mail
from crm_core.jobs.tables import JOBS, SCHEDULES
from crm_core.plugin import Check
from crm_core.plugin.errors import Concern

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

LATE = timedelta(minutes=10)
LEAST_FREE = 500 * 2**20
OFF = 2.0
"""Seconds by which the clocks of database and application may differ."""


class Wrong(Exception):
    """A check's answer that something does not work, with what to do."""

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(text)
        self.hint = hint


async def redis(uow: UnitOfWork) -> str:
    """Ask Redis whether it is there and may drop what it holds."""
    address = uow.kernel.config.redis_url
    if address is None:
        return "not used: one process does everything"
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    client = Redis.from_url(address, socket_timeout=2, socket_connect_timeout=2)
    try:
        await client.ping()
        policy = (await client.config_get("maxmemory-policy")).get("maxmemory-policy", "noeviction")
    except (RedisError, OSError) as error:
        raise Wrong(f"Redis does not answer: {error}", "see that redis_url is right and the server runs") from error
    finally:
        await client.aclose()
    if policy != "noeviction":
        raise Concern(f"maxmemory-policy is {policy}", "set it to noeviction; jobs survive it, only later")
    return "answers"


async def sending(uow: UnitOfWork) -> str:
    """Say whether mail leaves."""
    if pause := await mail.paused(uow):
        raise Concern(f"sending is paused since {pause.since:%Y-%m-%d %H:%M}: {pause.reason}", "see Sent mails")
    if not await mail.is_set_up(uow):
        raise Concern("no mail server is set up: mails are kept in the ledger", "set one under Settings, E-mail")
    return "a mail server is set up"


async def keys(uow: UnitOfWork) -> str:
    """See that the key file is ours alone."""
    config = uow.kernel.config
    file = config.folder / "secret.key"
    if not file.exists():
        return "the secret key comes from the configuration"
    if file.stat().st_mode & 0o077:
        raise Concern(f"{file} can be read by others on this machine", f"chmod 600 {file}")
    return str(file)


async def clock(uow: UnitOfWork) -> str:
    """Compare our clock with the database server's."""
    if uow.db.sqlite:
        return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    before = time.time()
    theirs = float((await uow.session.execute(sa.text("select extract(epoch from clock_timestamp())"))).scalar_one())
    off = abs(theirs - (before + time.time()) / 2)
    if off > OFF:
        raise Wrong(f"the clocks of database and application differ by {off:.0f} s", "set both by NTP")
    return f"{off:.1f} s from the database server's"


async def jobs(uow: UnitOfWork) -> str:
    """Look for dead jobs and for a queue nobody works on."""
    count = sa.select(sa.func.count()).select_from(JOBS)
    dead = await uow.session.scalar(count.where(JOBS.c.state == "dead")) or 0
    due = sa.select(sa.func.min(JOBS.c.run_at)).where(JOBS.c.state == "pending")
    oldest = await uow.session.scalar(due)
    if oldest is not None and uow.now - oldest > LATE:
        hint = "start `crm worker`" if uow.kernel.config.redis_url else "see that `crm serve` runs"
        raise Concern(f"a job waits since {oldest:%Y-%m-%d %H:%M} UTC", hint)
    if dead:
        raise Concern(f"{dead} dead", "look at them under Jobs, and retry or delete them")
    return "none dead, none late"


async def schedules(uow: UnitOfWork) -> str:
    """See that schedules are being fired."""
    late = sa.select(sa.func.count()).where(SCHEDULES.c.enabled, SCHEDULES.c.next_at < uow.now - LATE)
    if number := await uow.session.scalar(late):
        raise Concern(f"{number} are overdue", "no process fires them: see that `crm serve` or `crm worker` runs")
    return "on time"


async def disk(uow: UnitOfWork) -> str:
    """See that there is room for what is written."""
    free = shutil.disk_usage(uow.kernel.config.folder).free
    if free < LEAST_FREE:
        raise Wrong(f"{free // 2**20} MB free", "make room: writes fail when the disk is full")
    return f"{free // 2**30} GB free"


async def base_url(uow: UnitOfWork) -> str:
    """See that links in mails lead somewhere."""
    config = uow.kernel.config
    if not config.base_url:
        raise Concern(f"links in mails lead to {config.url}", "set base_url to the address people reach the CRM by")
    return config.url


CHECKS = tuple(
    Check(name, run, ready=False)
    for name, run in (
        ("address", base_url), ("keys", keys), ("clock", clock), ("redis", redis), ("mail", sending), ("jobs", jobs),
        ("schedules", schedules), ("disk", disk),
    )
)  # fmt: skip
