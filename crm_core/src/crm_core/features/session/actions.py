"""The first administrator, users and passwords.

Hashes are computed before a transaction begins, so these functions take the kernel and open short
transactions of their own; the ones that need no hash take `uow`.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth import passwords
from crm_core.auth.actor import Actor, system
from crm_core.auth.attempts import mark_right, record_attempt
from crm_core.auth.events import AdministratorSetUp, PasswordChanged
from crm_core.auth.links import revoke_links
from crm_core.auth.people import KnownGrant, Password, Role, User
from crm_core.auth.rights import load_actor
from crm_core.auth.session import Session, revoke_sessions, start_session
from crm_core.entity import records
from crm_core.entity.folding import fold
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.features.organisation.public import Organisation
from crm_core.features.roles.actions import install_grants
from crm_core.features.session.access import demand_over, demand_person
from crm_core.features.session.sign_in import STEP, Visitor
from crm_core.i18n import Strings
from crm_core.plugin.declare import Ref
from crm_core.uow import UnitOfWork, ValueTaken

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

_ = Strings("crm_core")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
RESET = "core.password_reset"
"""Purpose of links that set a new password."""


class PasswordWrong(Forbidden):
    """The present password, asked for before a new one is set, is wrong."""


class AlreadySetUp(Conflict):
    """There is a user already; the set-up page is closed for good."""


class SetUpCodeWrong(Invalid):
    """Beyond this machine the first administrator proves to be the installer: the code is in the server's log."""


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
    zone: str = "",
) -> User:  # fmt: skip
    """Create a user with roles (by key or name) and a password hash made before; zone: "" for the organisation's."""
    await install_grants(uow)
    ids = []
    for role in roles:
        match = sa.or_(Role.key == role, Role.name_f == fold(role))
        found = await uow.session.scalar(sa.select(Role.id).where(match, Role.deleted_at.is_(None)))
        if found is None:
            raise RoleUnknown(_("There is no role {role}.", role=role))
        ids.append(found)
    values = {"name": name, "email": email, "locale": locale, "zone": zone or (await uow.settings(Organisation)).zone,
              "roles": [{"role_id": i} for i in ids]}  # fmt: skip
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
    attempt = None
    if user_id == actor.user_id:
        attempt = await prove_password(kernel, actor, current or "", address)
    else:
        demand_over(actor, target)
    email = await _email(kernel, user_id)
    passwords.check(new, name=target.name, email=email)
    hashed = await passwords.hashed(new)
    async with kernel.write(actor) as uow:
        if attempt is not None:
            await mark_right(uow, attempt)
        await store_password(uow, user_id, hashed)


async def _email(kernel: Kernel, user_id: UUID) -> str:
    async with kernel.db.session(readonly=True) as session:
        return await session.scalar(sa.select(User.email).where(User.id == user_id)) or ""


async def prove_password(kernel: Kernel, actor: Actor, password: str, address: str = "") -> UUID:
    """Return the attempt to mark right once the effect is written; PasswordWrong, or TooManyAttempts."""
    attempt = await record_attempt(kernel, "password", str(actor.user_id), address)
    async with kernel.db.session(readonly=True) as session:
        stored = await session.scalar(sa.select(Password.hash).where(Password.user_id == actor.user_id))
    if not await passwords.matches(stored, password):
        text = _("The present password is wrong.")
        raise PasswordWrong(text, fields={"current": text})
    return attempt


async def store_password(uow: UnitOfWork, user_id: UUID, hashed: str) -> None:
    """Write a password hash; sessions of the user end but the actor's own, and so do links made before."""
    uow.demand_write()
    values = {"hash": hashed, "changed_at": uow.now}
    done = await uow.session.execute(sa.update(Password).where(Password.user_id == user_id).values(**values))
    if not done.rowcount:  # type: ignore[attr-defined]  # a cursor result
        uow.session.add(Password(user_id=user_id, **values))
    mine = [Session.id != uow.actor.session_id] if uow.actor.user_id == user_id and uow.actor.session_id else []
    await revoke_sessions(uow, Session.user_id == user_id, *mine)
    for purpose in (RESET, STEP):
        await revoke_links(uow, Ref("core.user", user_id), purpose)
    await uow.emit(PasswordChanged(user_id=user_id), about=[Ref("core.user", user_id)])
