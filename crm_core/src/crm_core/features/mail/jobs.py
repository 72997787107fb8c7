"""Background jobs of system mail."""

from __future__ import annotations

import sqlalchemy as sa

from crm_core.features.mail.actions import job_key
from crm_core.features.mail.delivery import MOST_REVIVED, YOUNG, deliver
from crm_core.features.mail.models import MailRow
from crm_core.features.mail.schemas import ReviveMails, SendMail, State
from crm_core.jobs.context import JobContext


async def send_mail(job: JobContext, call: SendMail) -> None:
    """Bring one mail to its next state. Running it again changes nothing once it has ended."""
    await deliver(job.kernel, call.mail_id)


async def revive_mails(job: JobContext, call: ReviveMails) -> None:
    """Give mails whose job is gone a new one: what waits is sent, what was on its way ends as ambiguous.

    A mail with an unfinished job keeps that: its key admits no second.
    """
    async with job.transaction() as uow:
        left = sa.select(MailRow.id).where(
            MailRow.state.in_((State.queued, State.sending)),
            MailRow.created_at < uow.now - YOUNG,
        )
        for mail_id in (await uow.session.scalars(left.order_by(sa.func.random()).limit(MOST_REVIVED))).all():
            await uow.enqueue(SendMail(mail_id=mail_id), key=job_key(mail_id))
        await job.finish(uow)
