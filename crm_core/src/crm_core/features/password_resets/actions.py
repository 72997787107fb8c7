"""Asking for a link, making it, using it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth import passwords
from crm_core.auth.actor import system
from crm_core.auth.attempts import forgive, record_attempt
from crm_core.auth.links import LinkNotValid, PublicLink, create_link, revoke_links, use_link
from crm_core.auth.people import EMAIL, User
from crm_core.entity.folding import fold
from crm_core.features.password_resets.events import PasswordResetDone
from crm_core.features.password_resets.schemas import SendReset
from crm_core.features.session.public import RESET, Visitor, store_password
from crm_core.i18n import Strings
from crm_core.plugin import Ref

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
LASTS = timedelta(hours=1)
PER_EMAIL, PER_ADDRESS = 3, 30
"""Requests in fifteen minutes for one account and from one address."""


async def ask(kernel: Kernel, email: str, visitor: Visitor) -> None:
    """Count the request and leave the rest to a job; TooManyAttempts after too many.

    Whether anybody has this address is not looked up here, so neither answer nor time can tell.
    """
    await record_attempt(kernel, "reset", fold(email), visitor.address, per_key=PER_EMAIL, per_address=PER_ADDRESS)
    async with kernel.write(system("password-reset")) as uow:
        await uow.enqueue(SendReset(email=email[:EMAIL], address=visitor.address))


async def make_link(uow: UnitOfWork, user_id: UUID) -> str:
    """Return the path of a new link for an hour and one use; earlier ones of the user die."""
    about = Ref("core.user", user_id)
    await revoke_links(uow, about, RESET)
    token = await create_link(uow, RESET, ref=about, expires_at=uow.now + LASTS, max_uses=1)
    return f"/public/reset/{token}"


async def person_of(uow: UnitOfWork, link: PublicLink) -> User:
    """Return the active user a link is about; LinkNotValid when there is none any more."""
    user = await uow.session.scalar(
        sa.select(User).where(User.id == link.ref_id, User.is_active, User.deleted_at.is_(None))
    )
    if user is None:
        raise LinkNotValid(_("This link is not valid (any more)."))
    return user


async def reset(uow: UnitOfWork, link: PublicLink, password: str) -> None:
    """Set the password and end every session of the user; PasswordUnfit, LinkNotValid when it was used meanwhile.

    A second factor stays: who can read the mail still needs the telephone.
    """
    user = await person_of(uow, link)
    passwords.check(password, name=user.name, email=user.email)
    hashed = await passwords.hashed(password)  # before the first write: nothing waits for it
    await use_link(uow, link)
    await store_password(uow, user.id, hashed)
    await forgive(uow, "login", fold(user.email))
    await uow.emit(PasswordResetDone(user_id=user.id), about=[Ref("core.user", user.id)])
