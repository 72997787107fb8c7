"""Links for people without an account: signing, booking, unsubscribing. The database keeps the hash."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.auth.actor import Actor, ActorKind
from crm_core.auth.session import digest
from crm_core.db.model import Model, Stamp
from crm_core.db.types import ENTITY_NAME, Id, Json, UTCDateTime
from crm_core.errors import NotFound
from crm_core.i18n import Strings
from crm_core.plugin.declare import Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class LinkNotValid(NotFound):
    """The link is unknown, expired, used up or revoked; nobody is told which."""


class PublicLink(Stamp, Model):
    """What one link opens: a purpose ("quotes.sign"), a record, plain data; until when and how often."""

    __tablename__ = "core_public_link"
    __table_args__ = (sa.Index(None, "ref_entity", "ref_id"),)

    hash: Mapped[bytes] = mapped_column(sa.LargeBinary(32), unique=True, info={"secret": True})
    purpose: Mapped[str] = mapped_column(sa.String(64))
    ref_entity: Mapped[str | None] = mapped_column(ENTITY_NAME, default=None)
    ref_id: Mapped[UUID | None] = mapped_column(Id(), default=None)
    data: Mapped[dict[str, Any]] = mapped_column(Json(), default=dict)
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    max_uses: Mapped[int | None] = mapped_column(sa.Integer, default=None)
    used: Mapped[int] = mapped_column(sa.Integer, default=0)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)

    @property
    def ref(self) -> Ref | None:
        """Return the record the link is about."""
        return Ref(self.ref_entity, self.ref_id) if self.ref_entity and self.ref_id else None


async def create_link(
    uow: UnitOfWork,
    purpose: str,
    *,
    ref: Ref | None = None,
    data: Mapping[str, Any] | None = None,
    expires_at: datetime | None = None,
    max_uses: int | None = None,
) -> str:
    """Write a link and return its token (43 characters), the only time it is known."""
    uow.demand_write()
    token = secrets.token_urlsafe(32)
    uow.session.add(
        PublicLink(
            hash=digest(token), purpose=purpose, data=dict(data or {}), expires_at=expires_at, max_uses=max_uses,
            ref_entity=ref.entity if ref else None, ref_id=ref.id if ref else None,
        )
    )  # fmt: skip
    return token


def living(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions under which a link opens."""
    return (
        PublicLink.revoked_at.is_(None),
        sa.or_(PublicLink.expires_at.is_(None), PublicLink.expires_at > now),
        sa.or_(PublicLink.max_uses.is_(None), PublicLink.used < PublicLink.max_uses),
    )


async def open_link(uow: UnitOfWork, purpose: str, token: str) -> PublicLink:
    """Return the living link of a token; LinkNotValid for everything else. Does not count as a use."""
    query = sa.select(PublicLink).where(
        PublicLink.hash == digest(token), PublicLink.purpose == purpose, *living(uow.now)
    )
    link = await uow.session.scalar(query)
    if link is None:
        raise LinkNotValid(_("This link is not valid (any more)."))
    return link


async def use_link(uow: UnitOfWork, link: PublicLink) -> None:
    """Count one use in the transaction of its effect; LinkNotValid when it was used up meanwhile."""
    uow.demand_write()
    counted = sa.update(PublicLink).where(PublicLink.id == link.id, *living(uow.now)).values(used=PublicLink.used + 1)
    result = await uow.session.execute(counted, execution_options={"synchronize_session": False})
    if result.rowcount != 1:  # type: ignore[attr-defined]  # a cursor result
        raise LinkNotValid(_("This link is not valid (any more)."))


async def revoke_links(uow: UnitOfWork, ref: Ref, purpose: str | None = None) -> None:
    """End all links about a record, or those of one purpose."""
    uow.demand_write()
    where = [PublicLink.ref_entity == ref.entity, PublicLink.ref_id == ref.id, PublicLink.revoked_at.is_(None)]
    if purpose:
        where.append(PublicLink.purpose == purpose)
    await uow.session.execute(sa.update(PublicLink).where(*where).values(revoked_at=uow.now))


def guest(link: PublicLink, locale: str = "en") -> Actor:
    """Return the actor of somebody who holds a link: no rights but what the purpose's handlers do."""
    return Actor(ActorKind.guest, name=link.purpose, link_id=link.id, locale=locale)
