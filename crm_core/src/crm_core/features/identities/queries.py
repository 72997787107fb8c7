"""Which providers there are, and who gets in by them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.auth.people import Role, User, UserRole
from crm_core.errors import Invalid
from crm_core.features.identities.models import SsoIdentity, SsoProvider
from crm_core.i18n import Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class Way(msgspec.Struct, frozen=True):
    """A button of the log-in page."""

    key: str
    name: str


class NoWayIn(Invalid):
    """Without passwords no administrator could sign in any more."""


async def ways_in(uow: UnitOfWork) -> list[Way]:
    """Return the providers people may sign in with."""
    query = sa.select(SsoProvider.key, SsoProvider.name).where(SsoProvider.is_active).order_by(SsoProvider.name)
    return [Way(key, name) for key, name in (await uow.session.execute(query)).all()]


async def is_way_in(uow: UnitOfWork, *, without: UUID | None = None) -> bool:
    """Return whether an active administrator has signed in by an active provider, other than `without`, before."""
    query = (
        sa.select(User.id)
        .join(SsoIdentity, SsoIdentity.user_id == User.id)
        .join(SsoProvider, SsoProvider.id == SsoIdentity.provider_id)
        .join(UserRole, UserRole.user_id == User.id)
        .join(Role, Role.id == UserRole.role_id)
        .where(User.is_active, User.deleted_at.is_(None), Role.everything, Role.deleted_at.is_(None))
        .where(SsoProvider.is_active, SsoProvider.id != without if without else sa.true())
        .limit(1)
    )
    return await uow.session.scalar(query) is not None


async def demand_way_in(uow: UnitOfWork) -> None:
    """Raise NoWayIn unless an administrator can sign in without a password."""
    if not await is_way_in(uow):
        text = _("First let an administrator sign in by single sign-on; nobody could come back otherwise.")
        raise NoWayIn(text, fields={"passwords_off": text})
