"""What a person set up for later goes on under their successor: webhooks, scheduled work, saved views."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import Actor, ActorKind, system
from crm_core.auth.rights import load_actor
from crm_core.config import Config
from crm_core.features.jobs.schemas import PurgeJobs
from crm_core.features.webhooks.models import Webhook
from crm_core.jobs.tables import JobRow
from crm_core.kernel import Kernel
from crm_core.testing.people import People


@pytest.fixture
def config(base_config: Config, database_url: str) -> Config:
    """An installation that may reach this machine."""
    return base_config.but(database_url=database_url, outbound_allow=("127.0.0.1/32",), api_limit=0)


async def owner_of(kernel: Kernel, model: Any, column: Any, key: UUID) -> Any:
    """Return whose a row is."""
    async with kernel.read(system("test")) as uow:
        return await uow.session.scalar(sa.select(column).where(model.id == key))


async def test_webhooks_and_scheduled_work_move_and_come_back(kernel: Kernel, as_user: People, jobs: Any) -> None:
    boss, old, new = await as_user("admin"), await as_user("admin", "old"), await as_user("admin", "new")
    hook = await old.api.post("/webhooks", {"name": "Orders", "url": "http://127.0.0.1:9/", "events": "core.deal.*"})
    actor: Actor = await load_actor(kernel, old.id)
    assert actor.kind is ActorKind.user
    async with kernel.write(actor) as uow:
        later = await uow.enqueue(PurgeJobs(), run_at=uow.now + timedelta(days=3))
        soon = await uow.enqueue(PurgeJobs())
    held = await boss.api.get(f"/users/{old.id}/hand-over")
    assert {e["name"]: e["total"] for e in held["entities"]} == {"core.webhook": 1}
    assert {r["name"]: r["count"] for r in held["resources"]} == {"core.scheduled": 1}
    begun = await boss.api.post(f"/users/{old.id}/hand-over", {"to": str(new.id), "switch_off": True}, status=202)
    await jobs()
    assert await owner_of(kernel, Webhook, Webhook.owner_id, UUID(hook["id"])) == new.id
    assert await owner_of(kernel, JobRow, JobRow.user_id, later) == new.id
    assert await owner_of(kernel, JobRow, JobRow.actor, later) == f"user:{new.id}"
    assert await owner_of(kernel, JobRow, JobRow.user_id, soon) == old.id, "what is done stays as it was done"
    await boss.api.post(f"/users/{old.id}/hand-over/undo", {"cause": begun["cause"]}, status=202)
    await jobs()
    assert await owner_of(kernel, Webhook, Webhook.owner_id, UUID(hook["id"])) == old.id
    assert await owner_of(kernel, JobRow, JobRow.user_id, later) == old.id


async def test_tokens_and_connected_accounts_end_with_the_person_and_are_not_handed_over(as_user: People) -> None:
    """They carry one person's rights and another provider's word for that person."""
    boss, old = await as_user("admin"), await as_user("sales", "old")
    held = await boss.api.get(f"/users/{old.id}/hand-over")
    assert {r["name"] for r in held["resources"]}.isdisjoint({"core.tokens", "core.connections"})
    await boss.api.post(f"/users/{old.id}/hand-over", {"switch_off": True}, status=202)
    assert (await old.client.get("/api/v1/companies", headers=old.api.headers)).status_code == 401
