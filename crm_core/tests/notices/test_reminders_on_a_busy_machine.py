"""Reminders are told although no transaction may last as long as telling many of them takes."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.features.companies.models import Company
from crm_core.features.notifications.models import Notification
from crm_core.features.reminders.jobs import SOME
from crm_core.features.reminders.models import Reminder
from crm_core.features.reminders.schemas import RemindDue
from crm_core.jobs.rows import JOBS
from crm_core.kernel import Kernel
from crm_core.testing.people import People

SYSTEM = system("test")


async def due(kernel: Kernel, user: Any, count: int) -> None:
    """Make reminders that are due, each about a record of its own, and ask for them to be told."""
    async with kernel.write(SYSTEM) as uow:
        companies = [Company(name=f"Company {n}", owner_id=user) for n in range(count)]
        uow.session.add_all(companies)
        await uow.session.flush()
        at = uow.now - timedelta(seconds=1)
        uow.session.add_all(
            Reminder(user_id=user, entity="core.company", record_id=c.id, source="test.busy", at=at) for c in companies
        )
        await uow.enqueue(RemindDue())


async def test_fewer_are_told_at_a_time_when_all_at_once_take_too_long(
    kernel: Kernel, as_user: People, jobs: Any
) -> None:
    rep = await as_user("sales")
    kernel.db.write_limit = None
    await due(kernel, rep.id, SOME)
    await jobs()  # whatever is loaded once
    await due(kernel, rep.id, SOME)
    began = time.perf_counter()
    await jobs()
    kernel.db.write_limit, kernel.db.testing = (time.perf_counter() - began) / 3, False
    await due_patiently(kernel, rep.id, 2 * SOME + 1)
    await jobs()
    async with kernel.read(SYSTEM) as uow:
        left = sa.select(sa.func.count()).select_from(Reminder).where(Reminder.done_at.is_(None))
        assert await uow.session.scalar(left) == 0
        told = await uow.session.scalars(sa.select(Notification.record_id).where(Notification.kind == "core.reminder"))
        found = list(told)
        assert (len(found), len(set(found))) == (4 * SOME + 1, 4 * SOME + 1)
        states = await uow.session.scalars(sa.select(JOBS.c.state).where(JOBS.c.kind == "core.remind_due"))
        assert set(states) == {"done"}


async def due_patiently(kernel: Kernel, user: Any, count: int) -> None:
    """Make reminders without a limit on the test's own transaction."""
    limit, kernel.db.write_limit = kernel.db.write_limit, None
    await due(kernel, user, count)
    kernel.db.write_limit = limit
