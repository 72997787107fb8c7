"""What others use of password resets: a link for an administrator to hand over."""

from __future__ import annotations

from uuid import UUID

from crm_core.features.password_resets.actions import make_link
from crm_core.features.password_resets.events import PasswordResetLinkMade
from crm_core.plugin import Ref
from crm_core.uow import UnitOfWork


async def make_link_for(uow: UnitOfWork, user_id: UUID) -> str:
    """Return the path of a new link for an hour and one use, and tell of it; earlier ones of the user die."""
    path = await make_link(uow, user_id)
    await uow.emit(PasswordResetLinkMade(user_id=user_id), about=[Ref("core.user", user_id)])
    return path
