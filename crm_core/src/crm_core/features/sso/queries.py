"""Providers people may sign in with, and who a user is at them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.features.identities.public import SsoIdentity, SsoProvider

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def identities_of(uow: UnitOfWork, user_id: UUID) -> dict[UUID, SsoIdentity]:
    """Return who a user is at which provider, by the provider's id."""
    found = await uow.session.scalars(sa.select(SsoIdentity).where(SsoIdentity.user_id == user_id))
    return {one.provider_id: one for one in found}


async def active(uow: UnitOfWork) -> list[SsoProvider]:
    """Return the providers people may sign in with."""
    query = sa.select(SsoProvider).where(SsoProvider.is_active).order_by(SsoProvider.name)
    return list(await uow.session.scalars(query))
