"""Lists of sessions and tokens, and how a second factor stands."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.session import IDLE, Session
from crm_core.auth.tokens import Token
from crm_core.errors import Forbidden
from crm_core.features.session import second_factor
from crm_core.features.session.devices import device
from crm_core.features.session.schemas import SecondFactorOut, SessionRow, TokenOut
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


def own_id(uow: UnitOfWork) -> UUID:
    """Return the id of the user who asks."""
    if uow.actor.user_id is None:
        raise Forbidden(_("Only users have an account."))
    return uow.actor.user_id


async def tokens_of(uow: UnitOfWork, user_id: UUID) -> list[TokenOut]:
    """Return a user's tokens that are not revoked, newest first."""
    query = sa.select(Token).where(Token.user_id == user_id, Token.revoked_at.is_(None)).order_by(Token.id.desc())
    return [token_out(t) for t in (await uow.session.scalars(query)).all()]


def token_out(token: Token, secret: str = "") -> TokenOut:
    """Return a token as the API and the page show it."""
    return TokenOut(
        id=token.id, name=token.name, start=token.start, scopes=list(token.scopes), created_at=token.created_at,
        expires_at=token.expires_at, last_used_at=token.last_used_at, token=secret,
    )  # fmt: skip


async def sessions_of(uow: UnitOfWork, user_id: UUID) -> list[SessionRow]:
    """Return a user's living sessions, last used first."""
    living = (Session.revoked_at.is_(None), Session.expires_at > uow.now, Session.last_seen_at > uow.now - IDLE)
    query = sa.select(Session).where(Session.user_id == user_id, *living).order_by(Session.last_seen_at.desc())
    return [
        SessionRow(
            id=s.id, device=device(s.browser), browser=s.browser, address=s.address, created_at=s.created_at,
            last_seen_at=s.last_seen_at, expires_at=s.expires_at, is_current=s.id == uow.actor.session_id,
        )
        for s in (await uow.session.scalars(query)).all()
    ]  # fmt: skip


async def factor_of(uow: UnitOfWork, user_id: UUID) -> SecondFactorOut:
    """Return how a user's second factor stands."""
    factor = await second_factor.find(uow, user_id)
    confirmed = factor.confirmed_at if factor is not None else None
    return SecondFactorOut(
        is_on=confirmed is not None,
        since=confirmed,
        recovery_codes_left=await second_factor.unused_codes(uow, user_id) if confirmed else 0,
        is_demanded=await second_factor.is_demanded(uow, user_id),
    )
