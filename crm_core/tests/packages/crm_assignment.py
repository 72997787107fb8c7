"""What the tests of assignment share: a pool, and leads that are nobody's."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from crm_core.auth.actor import system
from crm_core.entity import records
from crm_core.kernel import Kernel

SYSTEM = system("test")


async def a_pool(kernel: Kernel, members: list[dict[str, Any]], **values: Any) -> UUID:
    async with kernel.write(SYSTEM) as uow:
        given = {"name": "Inbound", "members": members, **values}
        return (await records.create(uow, uow.registry.entity("core.pool"), given, trusted=True)).id  # type: ignore[no-any-return]


async def leads(kernel: Kernel, count: int) -> list[UUID]:
    async with kernel.write(SYSTEM) as uow:
        entity = uow.registry.entity("core.lead")
        return [(await records.create(uow, entity, {"name": f"Lead {n}"}, trusted=True)).id for n in range(count)]
