"""Daily cleaning of what has lost its meaning."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.auth.attempts import Attempt
from crm_core.auth.links import PublicLink
from crm_core.auth.session import Session
from crm_core.db.types import utcnow
from crm_core.plugin.declare import JobCall

if TYPE_CHECKING:
    from crm_core.jobs.context import JobContext

KEPT = timedelta(days=90)


class PurgeAccess(JobCall, frozen=True, kw_only=True):
    """Deletes attempts, ended sessions and expired links that are older than 90 days."""


async def purge_access(job: JobContext, call: PurgeAccess) -> None:
    """Delete old rows; repeating it does nothing."""
    before = utcnow() - KEPT
    async with job.transaction() as uow:
        await uow.session.execute(sa.delete(Attempt).where(Attempt.at < before))
        await uow.session.execute(sa.delete(Session).where(Session.expires_at < before))
        await uow.session.execute(sa.delete(PublicLink).where(PublicLink.expires_at < before))
        await job.finish(uow)
