"""Reminders are told once each, whatever moment the process that tells them dies at."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.people import Role, User, UserRole
from crm_core.db.types import new_id
from crm_core.features.companies.models import Company
from crm_core.features.mail.models import MailRow
from crm_core.features.notifications.models import Notification
from crm_core.features.reminders.models import Reminder
from crm_core.features.reminders.schemas import RemindDue
from crm_core.jobs.runner import run_due, until_next
from crm_core.kernel import Kernel

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

KILLS, LEAST = 60, 3
EACH = 60
"""Reminders for each kill: more than are told in one transaction."""
STEPS = ("while telling", "before commit", "after commit")
LEASE = 0.5
CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
from crm_core.config import Config
from crm_core.features.reminders import jobs as telling
from crm_core.jobs.runner import run_due
from crm_core.kernel import open_kernel
from crm_core.uow import UnitOfWork

folder, url, step, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
told, notify, finish = 0, telling.notify, UnitOfWork.finish

def die():
    Path(folder, "killed").write_text(step)
    os.kill(os.getpid(), signal.SIGKILL)

async def counted(*args, **kw):
    global told
    told += 1
    if step == "while telling" and told == count:
        die()
    await notify(*args, **kw)

async def finished(self):
    if told >= count and step == "before commit":
        die()
    await finish(self)
    if told >= count and step == "after commit":
        die()

telling.notify, UnitOfWork.finish = counted, finished

async def main():
    config = Config(folder=Path(folder), database_url=url, secret_key="a key that only tests use, long enough",
                    jobs=False, job_lease=float(sys.argv[5]), log_level="error")
    kernel = await open_kernel(config)
    await run_due(kernel)
    await kernel.close()

asyncio.run(main())
"""


async def prepare(kernel: Kernel, count: int) -> None:
    """Make somebody with reminders that are due, each about a record of its own."""
    async with kernel.write(system("test")) as uow:
        user = User(name="Rep", email=f"{new_id().hex}@example.test")
        uow.session.add(user)
        await uow.session.flush()
        role = await uow.session.scalar(sa.select(Role.id).where(Role.key == "sales"))
        uow.session.add(UserRole(user_id=user.id, role_id=role))
        companies = [Company(name=f"Company {n}", owner_id=user.id) for n in range(count)]
        uow.session.add_all(companies)
        await uow.session.flush()
        due = uow.now - timedelta(seconds=1)
        uow.session.add_all(
            Reminder(user_id=user.id, entity="core.company", record_id=c.id, source="test.kill", at=due)
            for c in companies
        )
        await uow.enqueue(RemindDue())


async def told(kernel: Kernel) -> tuple[Counter[object], int, int]:
    """Return notifications by record, mails, and reminders that still wait."""
    kind = Notification.kind == "core.reminder"  # whose records they are was told too
    async with kernel.read(system("test")) as uow:
        found = Counter(await uow.session.scalars(sa.select(Notification.record_id).where(kind)))
        mails = await uow.session.scalar(sa.select(sa.func.count()).select_from(MailRow)) or 0
        left = await uow.session.scalar(
            sa.select(sa.func.count()).select_from(Reminder).where(Reminder.done_at.is_(None))
        )
    return found, mails, left or 0


async def test_each_reminder_is_told_once_although_processes_die_while_they_tell(
    kernel: Kernel, tmp_path: Path, full: bool
) -> None:
    kills = KILLS if full else LEAST
    kernel.db.write_limit = None  # on a busy machine the test's own writes may take their time
    folder = tmp_path / "work"
    folder.mkdir()
    script = folder / "child.py"
    script.write_text(CHILD)
    started, died, made = time.monotonic(), Counter[str](), 0
    while sum(died.values()) < kills:
        step = STEPS[sum(died.values()) % len(STEPS)]
        await prepare(kernel, EACH)
        made += EACH
        count = 1 + (37 * sum(died.values())) % EACH
        arguments = [str(folder), kernel.config.database_url, step, str(count), str(LEASE)]
        ran = await asyncio.to_thread(
            subprocess.run, [sys.executable, str(script), *arguments], env=dict(os.environ), check=False
        )
        assert ran.returncode == -signal.SIGKILL, ran
        died[(folder / "killed").read_text()] += 1
        await asyncio.sleep(LEASE * 1.2)
    deadline = time.monotonic() + 60
    while True:
        await until_next(kernel, 0.1)  # gives back what the dead held
        await run_due(kernel)
        found, mails, left = await told(kernel)
        if left == 0 or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.3)
    twice = sum(n > 1 for n in found.values())
    print(
        f"\nreminders: N = {kills} kills ({dict(died)}), {made} reminders: {made - len(found)} lost, "
        f"{twice} twice; {time.monotonic() - started:.0f} s"
    )
    assert (len(found), twice, left, mails) == (made, 0, 0, 0)
