"""Approvals while somebody is away: the deputy of the absence decides, in order and in parallel."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from crm_approvals import SYSTEM, a_deal, ask, say, state
from crm_core.db.types import utcnow
from crm_core.entity import records
from crm_core.features.approvals.public import AlreadyDecided, NotYoursToDecide, Step
from crm_core.kernel import Kernel
from crm_core.testing.people import People, Somebody


async def away(kernel: Kernel, who: Somebody, deputy: Somebody | None, start: int = -1, end: int = 1) -> None:
    """Let somebody be absent for some days around now."""
    now = utcnow()
    values = {"note": "Skiing", "owner_id": who.id, "deputy_id": deputy.id if deputy else None,
              "starts_at": now + timedelta(days=start), "ends_at": now + timedelta(days=end)}  # fmt: skip
    async with kernel.write(SYSTEM) as uow:
        await records.create(uow, uow.registry.entity("core.absence"), values, trusted=True)


async def people(as_user: People) -> tuple[Somebody, Somebody, Somebody, Somebody]:
    asker = await as_user("sales")
    ada, bob, dora = [await as_user("admin", n) for n in ("ada", "bob", "dora")]
    return asker, ada, bob, dora


async def waits(who: Somebody, approval: UUID) -> bool:
    return f"/approvals/{approval}" in (await who.client.get("/approvals")).text


async def test_a_deputy_decides_in_order(kernel: Kernel, as_user: People) -> None:
    asker, ada, bob, dora = await people(as_user)
    await away(kernel, ada, dora)
    approval = await ask(kernel, asker, await a_deal(kernel, asker), [Step(users=[ada.id]), Step(users=[bob.id])])
    with pytest.raises(NotYoursToDecide):
        await say(kernel, bob, approval)
    assert [await waits(who, approval) for who in (ada, bob, dora)] == [True, False, True]
    assert await say(kernel, dora, approval, comment="for Ada") == "waiting"
    with pytest.raises(NotYoursToDecide):
        await say(kernel, dora, approval)  # not Bob's deputy
    assert [await waits(who, approval) for who in (ada, bob, dora)] == [False, True, False]
    assert await say(kernel, bob, approval) == "approved"


async def test_a_deputy_decides_in_parallel_and_has_one_voice(kernel: Kernel, as_user: People) -> None:
    asker, ada, bob, dora = await people(as_user)
    await away(kernel, ada, dora)
    about = await a_deal(kernel, asker)
    approval = await ask(kernel, asker, about, [Step(users=[ada.id]), Step(users=[bob.id])], in_order=False)
    assert await say(kernel, dora, approval) == "waiting"
    assert await say(kernel, bob, approval) == "approved"
    other = await ask(kernel, asker, about, [Step(users=[ada.id, dora.id, bob.id], needed=3)])
    assert await say(kernel, dora, other) == "waiting"
    with pytest.raises((AlreadyDecided, NotYoursToDecide)):
        await say(kernel, dora, other)  # not in Ada's name too
    assert await say(kernel, ada, other) == "waiting"
    assert await say(kernel, bob, other) == "approved"


@pytest.mark.parametrize(("start", "end"), [(1, 3), (-3, -1)])
async def test_a_deputy_decides_only_while_the_absence_lasts(
    kernel: Kernel, as_user: People, start: int, end: int
) -> None:
    asker, ada, bob, dora = await people(as_user)
    await away(kernel, ada, dora, start, end)
    approval = await ask(kernel, asker, await a_deal(kernel, asker), [Step(users=[ada.id])])
    for who in (dora, bob):
        with pytest.raises(NotYoursToDecide):
            await say(kernel, who, approval)
    assert await state(kernel, approval) == "waiting"


async def test_history_and_page_name_the_deputy_and_whom_they_stood_in_for(
    kernel: Kernel, as_user: People, events: Any
) -> None:
    asker, ada, _bob, dora = await people(as_user)
    await away(kernel, ada, dora)
    approval = await ask(kernel, asker, await a_deal(kernel, asker), [Step(users=[ada.id])])
    assert await say(kernel, dora, approval, comment="in her place") == "approved"
    found = await ada.api.get(f"/approvals/{approval}")
    [approver] = found["steps"][0]["approvers"]
    assert (approver["user_id"], approver["decided_by"]) == (str(ada.id), str(dora.id))
    assert "in her place" in (await asker.client.get(f"/approvals/{approval}")).text
    assert [kind for kind, _payload in await events("core.approval.")][-1] == "core.approval.approved"
