"""Looking after access: sessions and tokens that end, a second factor that is reset; one's own or somebody else's."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.actor import Actor, ActorKind
from crm_core.auth.events import SessionsEnded, TokenCreated, TokenRevoked
from crm_core.auth.links import revoke_links
from crm_core.auth.rights import load_actor
from crm_core.auth.session import Session, revoke_sessions
from crm_core.auth.tokens import Token, create_token, revoke_tokens
from crm_core.errors import Forbidden, NotFound
from crm_core.features.session import events, second_factor
from crm_core.features.session.sign_in import STEP
from crm_core.i18n import Strings
from crm_core.plugin.declare import Ref
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class PasswordNotYours(Forbidden):
    """Setting somebody else's password needs a right, an administrator's needs an administrator."""


class PersonNeeded(Forbidden):
    """Tokens and passwords are looked after by a person at a browser, never by a token."""


class TokenUnknown(NotFound):
    """No such token of this user."""


class SessionUnknown(NotFound):
    """No such living session of this user."""


def demand_person(actor: Actor) -> None:
    """Raise PersonNeeded for a token: one with narrow scopes could make itself a wider one."""
    if actor.kind not in (ActorKind.user, ActorKind.system):
        raise PersonNeeded(_("Sign in at a browser to do this."))


def demand_over(actor: Actor, target: Actor) -> None:
    """Raise PasswordNotYours unless the actor may look after this person's passwords, sessions and codes.

    It takes a right, and over somebody who may do everything an actor who may do everything.
    """
    if not actor.may("core.user.set_password") or (target.rights.everything and not actor.rights.everything):
        raise PasswordNotYours(_("You may not look after this person's access."))


async def demand_over_user(uow: UnitOfWork, user_id: UUID) -> None:
    """Raise like `demand_over`; UserUnknown for somebody who does not exist or is switched off."""
    demand_over(uow.actor, await load_actor(uow.kernel, user_id, session=uow.session))


async def end_session(uow: UnitOfWork, session_id: UUID, user_id: UUID | None = None) -> None:
    """End one session of the actor, or of the person `user_id` whom the caller may look after; SessionUnknown."""
    demand_person(uow.actor)
    owner = user_id or uow.actor.user_id
    if owner is None or not await revoke_sessions(uow, Session.id == session_id, Session.user_id == owner):
        raise SessionUnknown(_("There is no such session."))
    happened = events.SessionRevoked(user_id=owner, session_id=session_id)
    await uow.emit(happened, about=[Ref("core.user", owner)])


async def end_all_sessions(uow: UnitOfWork, user_id: UUID | None = None, *, but_this: bool = False) -> int:
    """End all sessions of the actor (or of `user_id`), with `but_this` all but the actor's present one."""
    demand_person(uow.actor)
    owner = user_id or uow.actor.user_id
    if owner is None:
        return 0
    kept = [Session.id != uow.actor.session_id] if but_this and uow.actor.session_id else []
    ended = await revoke_sessions(uow, Session.user_id == owner, *kept)
    await revoke_links(uow, Ref("core.user", owner), STEP)
    await uow.emit(SessionsEnded(user_id=owner), about=[Ref("core.user", owner)])
    return ended


async def reset_second_factor(uow: UnitOfWork, user_id: UUID) -> None:
    """Take somebody's second factor away (a lost telephone); their sessions end. SecondFactorIsOff if there is none."""
    demand_person(uow.actor)
    if not await second_factor.remove(uow, user_id):
        raise second_factor.SecondFactorIsOff(_("This user has no second factor."))
    await revoke_sessions(uow, Session.user_id == user_id)
    await uow.emit(events.SecondFactorReset(user_id=user_id), about=[Ref("core.user", user_id)])


async def make_token(
    uow: UnitOfWork,
    name: str,
    *,
    scopes: tuple[str, ...] = (),
    expires_at: datetime | None = None,
    user_id: UUID | None = None,
) -> tuple[Token, str]:
    """Make an API token for the actor (or, in commands, another user); returns it the only time it is known."""
    demand_person(uow.actor)
    owner = user_id or uow.actor.user_id
    if owner is None:
        raise PersonNeeded(_("Only users have tokens."))
    row, secret = await create_token(uow, owner, name, scopes=scopes, expires_at=expires_at)
    await uow.emit(
        TokenCreated(user_id=owner, token_id=row.id, scopes=tuple(row.scopes)), about=[Ref("core.user", owner)]
    )
    return row, secret


async def end_token(uow: UnitOfWork, token_id: UUID, user_id: UUID | None = None) -> None:
    """Revoke a token of the actor, or of the person `user_id` whom the caller may look after; TokenUnknown.

    Somebody who may do everything ends anybody's.
    """
    demand_person(uow.actor)
    where = [Token.id == token_id]
    if user_id is not None or not uow.actor.rights.everything:
        where.append(Token.user_id == (user_id or uow.actor.user_id))
    owner = await uow.session.scalar(sa.select(Token.user_id).where(*where))
    if owner is None:
        raise TokenUnknown(_("There is no such token."))
    if await revoke_tokens(uow, *where):
        await uow.emit(TokenRevoked(user_id=owner, token_id=token_id), about=[Ref("core.user", owner)])
