"""Lists of one's own sessions and tokens."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from crm_core.auth.session import IDLE, Session
from crm_core.auth.tokens import Token
from crm_core.features.session.schemas import TokenOut
from crm_core.uow import UnitOfWork


async def tokens_of_actor(uow: UnitOfWork) -> list[TokenOut]:
    """Return the actor's tokens that are not revoked, newest first."""
    query = (
        sa.select(Token).where(Token.user_id == uow.actor.user_id, Token.revoked_at.is_(None)).order_by(Token.id.desc())
    )
    return [token_out(t) for t in (await uow.session.scalars(query)).all()]


def token_out(token: Token, secret: str = "") -> TokenOut:
    """Return a token as the API and the page show it."""
    return TokenOut(
        id=token.id, name=token.name, start=token.start, scopes=list(token.scopes), created_at=token.created_at,
        expires_at=token.expires_at, last_used_at=token.last_used_at, token=secret,
    )  # fmt: skip


async def sessions_of_actor(uow: UnitOfWork) -> Sequence[Session]:
    """Return the actor's living sessions, last used first."""
    living = (Session.revoked_at.is_(None), Session.expires_at > uow.now, Session.last_seen_at > uow.now - IDLE)
    query = (
        sa.select(Session).where(Session.user_id == uow.actor.user_id, *living).order_by(Session.last_seen_at.desc())
    )
    return (await uow.session.scalars(query)).all()
