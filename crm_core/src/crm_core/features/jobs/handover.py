"""Work that a user has set for later: it runs with the rights of whoever takes it over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.jobs.rows import JOBS, job
from crm_core.plugin import Handover, Held, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
LATER = timedelta(minutes=1)
"""What was due sooner after it was asked for is on its way already, and nobody's plan."""


async def held(uow: UnitOfWork, user_id: UUID) -> list[Held]:
    """Return the jobs that wait for their time and were asked for by a user."""
    wanted = sa.select(job.id, job.kind, job.created_at, job.due_at).where(
        job.user_id == user_id, job.state == "pending", job.due_at > uow.now
    )
    rows = (await uow.session.execute(wanted.order_by(job.due_at))).all()
    return [Held(key=str(r.id), title=f"{r.kind}, {r.due_at:%Y-%m-%d %H:%M} UTC")
            for r in rows if r.due_at - r.created_at > LATER]  # fmt: skip


async def move(uow: UnitOfWork, user_id: UUID, to: UUID, keys: Sequence[str]) -> list[str]:
    """Give jobs to another user; those that began meanwhile stay."""
    uow.demand_write()
    mine = (job.id.in_([UUID(k) for k in keys]), job.user_id == user_id, job.state == "pending")
    moved = sa.update(JOBS).where(*mine).values(user_id=to, actor=f"user:{to}").returning(job.id)
    return [str(key) for key in await uow.session.scalars(moved)]


async def back(uow: UnitOfWork, user_id: UUID, to: UUID, keys: Sequence[str]) -> None:
    """Give exactly these back."""
    await move(uow, to, user_id, keys)


SCHEDULED = Handover(name="core.scheduled", label=_("Work scheduled by the user"), held=held, move=move, back=back)
