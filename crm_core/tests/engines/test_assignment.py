"""Assignment: fair in parallel, by weight, by load; receipts, empty pools, pools in use."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.db.types import new_id
from crm_core.entity import records
from crm_core.errors import Unavailable
from crm_core.features.assignment.choosing import Member, choose
from crm_core.features.assignment.public import assign
from crm_core.features.notifications.models import Notification
from crm_core.kernel import Kernel
from crm_core.plugin.declare import Ref
from crm_core.testing.people import People

SYSTEM = system("test")


async def a_pool(kernel: Kernel, members: list[dict[str, Any]], **values: Any) -> UUID:
    async with kernel.write(SYSTEM) as uow:
        given = {"name": "Inbound", "members": members, **values}
        return (await records.create(uow, uow.registry.entity("core.pool"), given, trusted=True)).id  # type: ignore[no-any-return]


async def leads(kernel: Kernel, count: int) -> list[UUID]:
    async with kernel.write(SYSTEM) as uow:
        entity = uow.registry.entity("core.lead")
        return [(await records.create(uow, entity, {"name": f"Lead {n}"}, trusted=True)).id for n in range(count)]


@pytest.mark.counted
async def test_200_parallel_assignments_over_5_differ_by_at_most_1(kernel: Kernel, as_user: People) -> None:
    users = [(await as_user("sales", f"user{n}")).id for n in range(5)]
    pool = await a_pool(kernel, [{"user_id": u} for u in users])
    found: Counter[Any] = Counter()
    busy: list[UUID] = []

    async def one(lead: UUID) -> None:
        try:
            async with kernel.write(SYSTEM) as uow:
                receipt = await assign(uow, pool, Ref("core.lead", lead))
        except Unavailable:  # a busy machine: whoever waited ten seconds for their turn is told to come back
            busy.append(lead)
        else:
            found[receipt.user_id] += 1

    given = await leads(kernel, 200)
    await asyncio.gather(*(one(lead) for lead in given))
    told_to_come_back = len(busy)
    while busy:
        await one(busy.pop())
    print(
        f"assignment {kernel.db.dialect}: N = {len(given)} parallel assignments over {len(users)}: "
        f"{sorted(found.values())}; {told_to_come_back} told to come back"
    )
    assert told_to_come_back < len(given)
    assert found == dict.fromkeys(users, 40)
    async with kernel.read(SYSTEM) as uow:
        table = uow.registry.entity("core.lead").model.__table__
        stored = await uow.session.execute(sa.select(table.c.owner_id, sa.func.count()).group_by(table.c.owner_id))
        assert dict([tuple(r) for r in stored]) == found


def test_weights_are_kept_over_1000_turns_and_smooth() -> None:
    members = [Member(user_id=new_id(), position=n, weight=w) for n, w in enumerate((5, 3, 2))]
    got: Counter[UUID] = Counter()
    for _ in range(1000):
        chosen, moved = choose("weighted", members)
        assert chosen is not None
        got[chosen.user_id] += 1
        members = [replace(m, balance=next(x.balance for x in moved if x.user_id == m.user_id)) for m in members]
    assert [got[m.user_id] for m in members] == [500, 300, 200]


async def test_least_busy_capacity_and_skills_say_why_in_the_receipt(kernel: Kernel, as_user: People) -> None:
    ann, bob, cat = [(await as_user("sales", n)).id for n in ("ann", "bob", "cat")]
    members = [
        {"user_id": ann, "capacity": 1, "skills": "german:2"}, {"user_id": bob, "skills": "german:3"},
        {"user_id": cat, "skills": "german"},
    ]  # fmt: skip
    pool = await a_pool(kernel, members, strategy="least_busy", skills="german:2")
    one, two = await leads(kernel, 2)
    for lead, who in ((one, ann), (two, bob)):
        async with kernel.write(SYSTEM) as uow:
            receipt = await assign(uow, pool, Ref("core.lead", lead))
        assert receipt.user_id == who
    assert [(c.user_id, c.skipped, c.chosen) for c in receipt.candidates] == [
        (ann, "full", False), (bob, "", True), (cat, "skill", False),
    ]  # fmt: skip


async def test_empty_pool_alarms_its_owner_and_the_fallback_takes_it(
    kernel: Kernel, as_user: People, events: Any
) -> None:
    boss, ann = await as_user("admin", "boss"), await as_user("sales", "ann")
    pool = await a_pool(
        kernel, [{"user_id": ann.id, "is_paused": True}], owner_id=boss.id, fallback_user_id=boss.id
    )  # fmt: skip
    (lead,) = await leads(kernel, 1)
    async with kernel.write(SYSTEM) as uow:
        receipt = await assign(uow, pool, Ref("core.lead", lead))
    assert (receipt.outcome, receipt.user_id, receipt.candidates[0].skipped) == ("fallback", boss.id, "paused")
    assert [name for name, _payload in await events("core.assignment.")] == ["core.assignment.pool_was_empty"]
    async with kernel.read(SYSTEM) as uow:
        told = await uow.session.scalars(sa.select(Notification.kind).where(Notification.user_id == boss.id))
        assert "core.pool_was_empty" in told.all()


async def test_action_gives_a_lead_out_and_the_api_and_panel_say_why(kernel: Kernel, as_user: People) -> None:
    boss, ann = await as_user("admin", "boss"), await as_user("sales", "ann")
    pool = await a_pool(kernel, [{"user_id": ann.id}])
    (lead,) = await leads(kernel, 1)
    await boss.api.post(f"/leads/{lead}/assign_by_pool", json={"pool_id": str(pool)}, status=200)
    found = await boss.api.get(f"/assignments?about=core.lead:{lead}")
    assert found["items"][0]["user_id"] == str(ann.id)
    panel = await boss.client.get(f"/assignment-panel?entity=core.lead&id={lead}")
    assert panel.status_code == 200
    assert "Inbound" in panel.text


async def test_pool_in_use_is_not_deleted(kernel: Kernel, as_user: People) -> None:
    boss = await as_user("admin", "boss")
    pool = await a_pool(kernel, [])
    other = await a_pool(kernel, [], name="Second", fallback_pool_id=pool)
    await boss.api.delete(f"/pools/{pool}", status=409)
    await boss.api.delete(f"/pools/{other}")
