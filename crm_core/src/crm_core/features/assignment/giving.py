"""“Assign through pool” on leads and deals."""

from __future__ import annotations

from typing import Any

from crm_core.features.assignment.actions import assign
from crm_core.features.assignment.schemas import AssignByPool, Receipt
from crm_core.plugin import Action, Strings
from crm_core.plugin.declare import Ref
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


async def lead(uow: UnitOfWork, record: Any, params: AssignByPool) -> Receipt:
    """Give a lead out."""
    return await assign(uow, params.pool_id, Ref("core.lead", record.id))


async def deal(uow: UnitOfWork, record: Any, params: AssignByPool) -> Receipt:
    """Give a deal out."""
    return await assign(uow, params.pool_id, Ref("core.deal", record.id))


ACTIONS = tuple(
    Action(
        entity=entity, name="assign_by_pool", label=_("Assign through pool"), icon="users", params=AssignByPool,
        run=run, permission=f"{entity}.assign", bulk=True,
    )
    for entity, run in (("core.lead", lead), ("core.deal", deal))
)  # fmt: skip
