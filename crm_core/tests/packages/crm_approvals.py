"""Deals that somebody asks an approval for, and decisions about them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from crm_core.auth.actor import system
from crm_core.auth.rights import load_actor
from crm_core.entity import records
from crm_core.features.approvals.models import Approval
from crm_core.features.approvals.public import Step, decide, request_approval
from crm_core.kernel import Kernel
from crm_core.plugin.declare import Ref
from crm_core.testing.people import Somebody

SYSTEM = system("test")


async def a_deal(kernel: Kernel, owner: Somebody, **values: Any) -> Ref:
    async with kernel.write(SYSTEM) as uow:
        made = await records.create(
            uow, uow.registry.entity("core.deal"),
            {"name": "Big one", "amount": "20000", "amount_currency": "EUR", "owner_id": owner.id, **values},
            trusted=True,
        )  # fmt: skip
    return Ref("core.deal", made.id)


async def ask(kernel: Kernel, who: Somebody, about: Ref, steps: list[Step], **more: Any) -> UUID:
    async with kernel.write(await load_actor(kernel, who.id)) as uow:
        return (await request_approval(uow, about, "Discount", steps, **more)).id


async def say(kernel: Kernel, who: Somebody, approval: UUID, decision: str = "approve", comment: str = "") -> str:
    async with kernel.write(await load_actor(kernel, who.id)) as uow:
        return (await decide(uow, approval, decision, comment)).state


async def state(kernel: Kernel, approval: UUID) -> str:
    async with kernel.read(SYSTEM) as uow:
        found = await uow.session.get(Approval, approval)
        assert found is not None
        return found.state
