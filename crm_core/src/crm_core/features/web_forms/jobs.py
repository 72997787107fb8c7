"""Ending what was never confirmed."""

from __future__ import annotations

import sqlalchemy as sa

from crm_core.features.web_forms.models import WebFormSubmission
from crm_core.features.web_forms.schemas import ExpireSubmissions
from crm_core.jobs.context import JobContext

BATCH = 200


async def expire(job: JobContext, call: ExpireSubmissions) -> None:
    """Mark them in small transactions; what they said stays until retention deletes it."""
    while True:
        async with job.transaction() as uow:
            over = sa.select(WebFormSubmission).where(
                WebFormSubmission.state == "pending", WebFormSubmission.expires_at <= uow.now
            )
            found = list(await uow.session.scalars(over.order_by(WebFormSubmission.id).limit(BATCH)))
            for row in found:
                row.state = "expired"
        if len(found) < BATCH:
            return
