"""The examples of docs/notifications.md and docs/reminders.md run as they stand."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.features.companies.models import Company
from crm_core.features.deals.models import Deal
from crm_core.features.reminders.models import Reminder
from crm_core.kernel import Kernel
from crm_core.testing.people import People

DOCS = Path(__file__).parents[3] / "docs"
Jobs = Callable[..., Awaitable[Any]]


def example(page: str) -> dict[str, Any]:
    """Return what the Python of a page defines."""
    blocks = re.findall(r"^```python\n(.*?)^```$", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    found: dict[str, Any] = {"__name__": "example"}
    for block in blocks:
        exec(compile(block, page, "exec"), found)
    return found


async def deal_of(kernel: Kernel, owner: UUID) -> Deal:
    """Make a deal behind the listeners' back, so that only the example speaks of it."""
    from crm_core.entity.stages import Pipeline, Stage

    async with kernel.write(system("test")) as uow:
        pipeline = await uow.session.scalar(sa.select(Pipeline).limit(1))
        assert pipeline is not None
        stage = await uow.session.scalar(sa.select(Stage).where(Stage.pipeline_id == pipeline.id).limit(1))
        assert stage is not None
        company = Company(name="Harbour Tools", owner_id=owner)
        uow.session.add(company)
        await uow.session.flush()
        deal = Deal(name="Hall", owner_id=owner, pipeline_id=pipeline.id, stage_id=stage.id, company_id=company.id)
        uow.session.add(deal)
    return deal


async def test_example_of_notifications_tells_the_owner(kernel: Kernel, as_user: People, jobs: Jobs) -> None:
    given = example("notifications.md")
    (kind,) = given["crm_notification_kinds"]()
    assert (kind.name, kind.default) == ("quotes.signed", "mail")
    rep = await as_user("sales", "rep")
    deal = await deal_of(kernel, rep.id)
    await jobs()
    await rep.api.post("/notifications/read-all", status=200)
    async with kernel.write(system("test")) as uow:
        await given["tell_owner"](uow, deal)
    await jobs()
    (one,) = (await rep.api.get("/notifications", params={"unread": True}))["items"]
    assert (one["text"], one["note"]) == ("The quote was signed", "12,000 EUR")


async def test_example_of_reminders_asks_moves_and_cancels(kernel: Kernel, as_user: People) -> None:
    given = example("reminders.md")
    rep, boss = await as_user("sales", "rep"), await as_user("admin", "boss")
    deal = await deal_of(kernel, rep.id)

    async def waiting() -> list[tuple[UUID, Any]]:
        async with kernel.read(system("test")) as uow:
            rows = await uow.session.scalars(sa.select(Reminder).where(Reminder.done_at.is_(None)))
            return [(r.user_id, r.at) for r in rows]

    async with kernel.write(system("test")) as uow:
        starts = uow.now + timedelta(days=1)
        await given["booked"](uow, deal, starts)
    assert await waiting() == [(rep.id, starts - timedelta(minutes=30))]
    async with kernel.write(system("test")) as uow:
        await given["moved"](uow, deal, timedelta(hours=2))
    assert await waiting() == [(rep.id, starts + timedelta(minutes=90))]
    async with kernel.write(system("test")) as uow:
        await given["host_changed"](uow, deal, boss.id, starts)
    assert await waiting() == [(boss.id, starts - timedelta(minutes=30))]
    async with kernel.write(system("test")) as uow:
        await given["cancelled"](uow, deal)
    assert await waiting() == []
