"""Mailing the link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.auth.people import Password, User
from crm_core.db.tables import NOBODY
from crm_core.entity.folding import fold
from crm_core.features.mail import public as mail
from crm_core.features.password_resets import actions
from crm_core.features.password_resets.events import PasswordResetRequested
from crm_core.features.password_resets.schemas import SendReset
from crm_core.plugin import Ref

if TYPE_CHECKING:
    from crm_core.jobs.context import JobContext


async def send_reset(job: JobContext, call: SendReset) -> None:
    """Mail a link to the active user with this address who signs in with a password, if there is one."""
    async with job.transaction() as uow:
        found = sa.select(User).join(Password, Password.user_id == User.id)
        user = await uow.session.scalar(
            found.where(User.email_f == fold(call.email), User.is_active, User.deleted_at.is_(None))
        )
        if user is not None and await mail.is_set_up(uow):
            await mail.send_template(
                uow, "core/mail/password_reset", to=user.email, kind="security", purpose="core.password_reset",
                locale=user.locale, name=user.name, path=await actions.make_link(uow, user.id),
                minutes=int(actions.LASTS.total_seconds() // 60), address=call.address,
            )  # fmt: skip
        asked = PasswordResetRequested(user_id=user.id if user else None, address=call.address)
        await uow.emit(asked, about=[Ref("core.user", user.id if user else NOBODY)])
        await job.finish(uow)
