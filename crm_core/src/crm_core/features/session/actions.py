"""Signing in, the first administrator, passwords and tokens.

Hashes are computed before a transaction begins, so these functions take the kernel and open short
transactions of their own; the ones that need no hash take `uow`.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth import passwords
from crm_core.auth.actor import Actor, ActorKind, system
from crm_core.auth.attempts import mark_right, record_attempt
from crm_core.auth.events import AdministratorSetUp, PasswordChanged, SignedIn, SignedOut, TokenCreated, TokenRevoked
from crm_core.auth.people import KnownGrant, Password, Role, User
from crm_core.auth.rights import load_actor
from crm_core.auth.session import Session, revoke_sessions, start_session
from crm_core.auth.tokens import Token, create_token, revoke_tokens
from crm_core.entity import records
from crm_core.entity.folding import fold
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from crm_core.features.roles.actions import install_grants
from crm_core.i18n import Strings
from crm_core.plugin.declare import Ref
from crm_core.uow import UnitOfWork, ValueTaken

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

_ = Strings("crm_core")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class SignInRefused(Unauthenticated):
    """Address or password is wrong, or the user is switched off; nobody is told which."""


class PasswordWrong(Forbidden):
    """The present password, asked for before a new one is set, is wrong."""


class PasswordNotYours(Forbidden):
    """Setting somebody else's password needs a right, an administrator's needs an administrator."""


class AlreadySetUp(Conflict):
    """There is a user already; the set-up page is closed for good."""


class PersonNeeded(Forbidden):
    """Tokens and passwords are looked after by a person at a browser, never by a token."""


class SetUpCodeWrong(Invalid):
    """Beyond this machine the first administrator proves to be the installer: the code is in the server's log."""


class TokenUnknown(NotFound):
    """No such token of this user."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a request comes from, as shown in the list of sessions."""

    address: str = ""
    browser: str = ""


async def sign_in(kernel: Kernel, email: str, password: str, visitor: Visitor) -> tuple[str, UUID]:
    """Return a new session's token and the user's id; SignInRefused, or TooManyAttempts after too many."""
    attempt = await record_attempt(kernel, "login", fold(email), visitor.address)
    async with kernel.db.session(readonly=True) as session:
        found = (
            await session.execute(
                sa.select(User.id, Password.hash)
                .join(Password, Password.user_id == User.id)
                .where(User.email_f == fold(email), User.is_active, User.deleted_at.is_(None))
            )
        ).one_or_none()
    stored = found.hash if found else None
    if not await passwords.matches(stored, password) or found is None:
        raise SignInRefused(_("The e-mail address or the password is wrong."))
    newer = await passwords.hashed(password) if passwords.outdated(found.hash) else None
    actor = await load_actor(kernel, found.id)
    async with kernel.write(actor) as uow:
        if newer is not None:
            await uow.session.execute(sa.update(Password).where(Password.user_id == found.id).values(hash=newer))
        await mark_right(uow, attempt)
        token = await start_session(uow, found.id, address=visitor.address, browser=visitor.browser)
        await uow.emit(SignedIn(user_id=found.id, address=visitor.address), about=[Ref("core.user", found.id)])
    return token, found.id


async def sign_out(uow: UnitOfWork) -> None:
    """End the session the actor came with."""
    if uow.actor.session_id is None or uow.actor.user_id is None:
        return
    await revoke_sessions(uow, Session.id == uow.actor.session_id)
    await uow.emit(SignedOut(user_id=uow.actor.user_id), about=[Ref("core.user", uow.actor.user_id)])


async def has_users(kernel: Kernel) -> bool:
    """Return whether anybody was ever added; true is remembered."""
    if not kernel.caches.get("has users"):
        kernel.caches["has users"] = bool(await kernel.db.fetch("select 1 from core_user limit 1", ()))
    return bool(kernel.caches["has users"])


def set_up_code(kernel: Kernel) -> str:
    """Return the code that the set-up page asks for, "" where only this machine reaches it."""
    if urlsplit(kernel.config.url).hostname in LOOPBACK:
        return ""
    return hmac.new(kernel.key, b"set up", sha256).hexdigest()[:10]


async def set_up(
    kernel: Kernel, name: str, email: str, password: str, visitor: Visitor, *, locale: str = "en", code: str = ""
) -> str:
    """Make the first administrator and return a session's token; AlreadySetUp for everybody after the first.

    SetUpCodeWrong without the code from the server's log, where other machines reach the page.
    """
    if await has_users(kernel):
        raise AlreadySetUp(_("This CRM is set up already. Please sign in."))
    if expected := set_up_code(kernel):
        attempt = await record_attempt(kernel, "setup", "setup", visitor.address)
        if not hmac.compare_digest(code.strip().encode(), expected.encode()):
            text = _("Enter the code that the server has written to its log.")
            raise SetUpCodeWrong(text, fields={"code": text})
        async with kernel.write(system("setup")) as uow:
            await mark_right(uow, attempt)
    passwords.check(password, name=name, email=email)
    hashed = await passwords.hashed(password)
    try:
        async with kernel.write(system("setup"), locale=locale) as uow:
            # One row that only one transaction can insert: of two at once, one waits and loses.
            uow.session.add(KnownGrant(name="core.setup"))
            await uow.session.flush()
            if await uow.session.scalar(sa.select(User.id).limit(1)) is not None:
                raise AlreadySetUp(_("This CRM is set up already. Please sign in."))
            user = await add_user(uow, name, email, hashed, roles=("admin",), locale=locale)
            await uow.emit(AdministratorSetUp(user_id=user.id), about=[Ref("core.user", user.id)])
            return await start_session(uow, user.id, address=visitor.address, browser=visitor.browser)
    except ValueTaken as error:
        raise AlreadySetUp(_("This CRM is set up already. Please sign in.")) from error


class RoleUnknown(NotFound):
    """No role of this name."""


async def add_user(
    uow: UnitOfWork, name: str, email: str, hashed: str | None, *, roles: tuple[str, ...] = (), locale: str = "en",
    zone: str = "UTC",
) -> User:  # fmt: skip
    """Create a user with roles (by key or name) and a password hash made before."""
    await install_grants(uow)
    ids = []
    for role in roles:
        match = sa.or_(Role.key == role, Role.name_f == fold(role))
        found = await uow.session.scalar(sa.select(Role.id).where(match, Role.deleted_at.is_(None)))
        if found is None:
            raise RoleUnknown(_("There is no role {role}.", role=role))
        ids.append(found)
    values = {"name": name, "email": email, "locale": locale, "zone": zone, "roles": [{"role_id": i} for i in ids]}
    user: User = await records.create(uow, uow.registry.entity("core.user"), values, trusted=True)
    await uow.session.flush()  # the password's foreign key needs the row
    if hashed is not None:
        uow.session.add(Password(user_id=user.id, hash=hashed, changed_at=uow.now))
    return user


async def change_password(
    kernel: Kernel, actor: Actor, user_id: UUID, new: str, *, current: str | None = None, address: str = ""
) -> None:
    """Set a password and end the user's other sessions.

    One's own needs the present one; somebody else's the right `core.user.set_password`, and an
    administrator's an administrator.
    """
    demand_person(actor)
    target = await load_actor(kernel, user_id)
    if user_id == actor.user_id:
        attempt = await record_attempt(kernel, "password", str(user_id), address)
        async with kernel.db.session(readonly=True) as session:
            stored = await session.scalar(sa.select(Password.hash).where(Password.user_id == user_id))
        if not await passwords.matches(stored, current or ""):
            text = _("The present password is wrong.")
            raise PasswordWrong(text, fields={"current": text})
    else:
        attempt = None
        if not actor.may("core.user.set_password") or (target.rights.everything and not actor.rights.everything):
            raise PasswordNotYours(_("You may not set this person's password."))
    passwords.check(new, name=target.name)
    hashed = await passwords.hashed(new)
    async with kernel.write(actor) as uow:
        if attempt is not None:
            await mark_right(uow, attempt)
        await store_password(uow, user_id, hashed)


async def store_password(uow: UnitOfWork, user_id: UUID, hashed: str) -> None:
    """Write a password hash; every session of the user but the actor's own ends."""
    uow.demand_write()
    values = {"hash": hashed, "changed_at": uow.now}
    done = await uow.session.execute(sa.update(Password).where(Password.user_id == user_id).values(**values))
    if not done.rowcount:  # type: ignore[attr-defined]  # a cursor result
        uow.session.add(Password(user_id=user_id, **values))
    mine = [Session.id != uow.actor.session_id] if uow.actor.user_id == user_id and uow.actor.session_id else []
    await revoke_sessions(uow, Session.user_id == user_id, *mine)
    await uow.emit(PasswordChanged(user_id=user_id), about=[Ref("core.user", user_id)])


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


async def end_token(uow: UnitOfWork, token_id: UUID) -> None:
    """Revoke one of the actor's tokens (an administrator: anybody's); TokenUnknown if it is not theirs."""
    demand_person(uow.actor)
    where = (
        [Token.id == token_id]
        if uow.actor.rights.everything
        else [Token.id == token_id, Token.user_id == uow.actor.user_id]
    )
    owner = await uow.session.scalar(sa.select(Token.user_id).where(*where))
    if owner is None:
        raise TokenUnknown(_("There is no such token."))
    if await revoke_tokens(uow, *where):
        await uow.emit(TokenRevoked(user_id=owner, token_id=token_id), about=[Ref("core.user", owner)])


def demand_person(actor: Actor) -> None:
    """Raise PersonNeeded for a token: one with narrow scopes could make itself a wider one."""
    if actor.kind not in (ActorKind.user, ActorKind.system):
        raise PersonNeeded(_("Sign in at a browser to do this."))
