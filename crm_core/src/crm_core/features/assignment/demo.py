"""Sample data: a pool for new leads, and some leads given out by it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.auth.people import User
from crm_core.entity import records
from crm_core.features.assignment.actions import assign
from crm_core.features.assignment.entities import POOL
from crm_core.plugin.declare import Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

SKILLS = ("german:3, renewals:2", "german:1", "english:3, renewals:1", "german:2, english:2")


async def load(uow: UnitOfWork, as_of: date) -> None:
    """Make the pool with up to four members and give out three leads."""
    users = list(await uow.session.scalars(sa.select(User.id).where(User.is_active).order_by(User.id).limit(4)))
    rows = [
        {"user_id": u, "weight": 1 + n % 2, "capacity": 40, "skills": s}
        for n, (u, s) in enumerate(zip(users, SKILLS, strict=False))
    ]
    pool = await records.create(
        uow,
        POOL,
        {"name": "Inbound leads", "strategy": "weighted", "members": rows, "owner_id": users[0]},
        trusted=True,
    )
    await uow.settle()
    model = uow.registry.entity("core.lead").model
    for lead_id in (await uow.session.scalars(sa.select(model.id).order_by(model.id).limit(3))).all():
        await assign(uow, pool.id, Ref("core.lead", lead_id))
