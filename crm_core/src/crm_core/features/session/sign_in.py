"""Signing in and out: password first, then the second factor where there is or must be one.

Hashes are computed before a transaction begins, so these functions take the kernel and open short
transactions of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth import passwords
from crm_core.auth.actor import ANONYMOUS, Actor, system
from crm_core.auth.attempts import mark_right, record_attempt
from crm_core.auth.events import SignedIn, SignedOut
from crm_core.auth.links import LinkNotValid, create_link, open_link, use_link
from crm_core.auth.people import Password, User
from crm_core.auth.rights import UserUnknown, load_actor
from crm_core.auth.session import Session, revoke_sessions, start_session
from crm_core.db.tables import NOBODY
from crm_core.entity.folding import fold
from crm_core.errors import Unauthenticated
from crm_core.features.identities import public as identities
from crm_core.features.session import events, second_factor
from crm_core.features.session.settings import rules
from crm_core.i18n import Strings
from crm_core.plugin.declare import Ref
from crm_core.uow import UnitOfWork

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

_ = Strings("crm_core")
STEP = "core.sign_in"
"""Purpose of the link that proves the right password while the second factor is asked for."""
STEP_LASTS = timedelta(minutes=10)


class SignInRefused(Unauthenticated):
    """Address or password is wrong, or the user is switched off; nobody is told which."""


class SecondFactorNeeded(Unauthenticated):
    """The password was right; `step` goes back with a code. `needs`: "code", or "enrolment" to set one up first."""


class StepNotValid(Unauthenticated):
    """Too much time went by since the password, or it was used already: sign in from the start."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a request comes from, as shown in the list of sessions."""

    address: str = ""
    browser: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """How far somebody came: a new session's token, or (`needs` not empty) a step's token.

    recovery_codes: shown once, after the second factor was set up on the way in.
    """

    user_id: UUID
    session: str = ""
    step: str = ""
    needs: second_factor.Need = ""
    recovery_codes: tuple[str, ...] = ()


async def sign_in(kernel: Kernel, email: str, password: str, visitor: Visitor) -> Entry:
    """Return how far the password leads; SignInRefused, or TooManyAttempts after too many.

    Known and unknown addresses get the same answer after the same work: one attempt written, one hash
    compared, one event.
    """
    attempt = await record_attempt(kernel, "login", fold(email), visitor.address)
    async with kernel.db.session(readonly=True) as session:
        found = (
            await session.execute(
                sa.select(User.id, Password.hash)
                .join(Password, Password.user_id == User.id)
                .where(User.email_f == fold(email), User.is_active, User.deleted_at.is_(None))
            )
        ).one_or_none()
    if not await passwords.matches(found.hash if found else None, password) or found is None:
        await _tell_failed(kernel, found.id if found else None, visitor)
        raise SignInRefused(_("The e-mail address or the password is wrong."))
    newer = await passwords.hashed(password) if passwords.outdated(found.hash) else None
    actor = await load_actor(kernel, found.id)
    async with kernel.read(actor) as reading:
        counts = await password_counts(reading, actor)
    if not counts:
        await _tell_failed(kernel, found.id, visitor)
        raise SignInRefused(_("The e-mail address or the password is wrong."))
    async with kernel.write(actor) as uow:
        if newer is not None:
            await uow.session.execute(sa.update(Password).where(Password.user_id == found.id).values(hash=newer))
        await mark_right(uow, attempt)
        return await enter(uow, found.id, visitor)


async def password_counts(uow: UnitOfWork, actor: Actor) -> bool:
    """Return whether this user may sign in with a password.

    With passwords off only an administrator may, and only while none can come in by single sign-on.
    """
    if not (await rules(uow)).passwords_off:
        return True
    return actor.rights.everything and not await identities.is_way_in(uow)


async def _tell_failed(kernel: Kernel, user_id: UUID | None, visitor: Visitor) -> None:
    # The row about nobody keeps the time of both cases the same.
    about = [Ref("core.user", user_id or NOBODY)]
    async with kernel.write(system("attempt.login")) as uow:
        await uow.emit(events.SignInFailed(user_id=user_id, address=visitor.address), about=about)


async def enter(uow: UnitOfWork, user_id: UUID, visitor: Visitor) -> Entry:
    """Let somebody in who has proven the first factor: a session, or the step before it."""
    needs = await second_factor.needed(uow, user_id)
    if not needs:
        return Entry(user_id, session=await open_session(uow, user_id, visitor))
    step = await create_link(uow, STEP, ref=Ref("core.user", user_id), expires_at=uow.now + STEP_LASTS, max_uses=1)
    return Entry(user_id, step=step, needs=needs)


async def open_session(uow: UnitOfWork, user_id: UUID, visitor: Visitor, *, second: str = "") -> str:
    """Start a session and tell of it; `second` says what the second factor was ("app", "recovery")."""
    token = await start_session(uow, user_id, address=visitor.address, browser=visitor.browser)
    happened = SignedIn(user_id=user_id, address=visitor.address, second_factor=second)
    await uow.emit(happened, about=[Ref("core.user", user_id)])
    return token


async def person_at(kernel: Kernel, step: str) -> tuple[Actor, second_factor.Need]:
    """Return who has proven the password and what is needed now; StepNotValid for everything else."""
    try:
        async with kernel.read(ANONYMOUS) as uow:
            link = await open_link(uow, STEP, step)
            user_id = link.ref_id or NOBODY
            needs = await second_factor.needed(uow, user_id)
        actor = await load_actor(kernel, user_id)
    except (LinkNotValid, UserUnknown) as error:
        raise StepNotValid(_("Please sign in again.")) from error
    if not needs:  # the rule was lifted meanwhile: the password alone is enough, but from the start
        raise StepNotValid(_("Please sign in again."))
    return actor, needs


async def begin_enrolment(kernel: Kernel, step: str) -> tuple[Actor, str]:
    """Return the person and the secret to set up on the way in; the one begun before, while it waits for its code."""
    actor, needs = await person_at(kernel, step)
    if actor.user_id is None or needs != "enrolment":
        raise StepNotValid(_("Please sign in again."))
    async with kernel.write(actor) as uow:
        waiting = await second_factor.pending(uow, actor.user_id)
        return actor, waiting or await second_factor.begin(uow, actor.user_id)


async def second_step(kernel: Kernel, step: str, code: str, visitor: Visitor) -> Entry:
    """Return a session for the right code; CodeWrong, TooManyAttempts after five wrong ones, or StepNotValid."""
    actor, needs = await person_at(kernel, step)
    user_id = actor.user_id or NOBODY
    per_key = second_factor.PER_USER
    attempt = await record_attempt(kernel, "code", str(user_id), visitor.address, per_key=per_key)
    async with kernel.write(actor) as uow:
        codes = await second_factor.confirm(uow, user_id, code) if needs == "enrolment" else None
        taken = await second_factor.take(uow, user_id, code) if needs == "code" else "app" if codes else None
        if taken is not None:
            await use_link(uow, await open_link(uow, STEP, step))
            await mark_right(uow, attempt)
            token = await open_session(uow, user_id, visitor, second=taken)
            return Entry(user_id, session=token, recovery_codes=tuple(codes or ()))
        about = [Ref("core.user", user_id)]
        await uow.emit(events.CodeRefused(user_id=user_id, address=visitor.address), about=about)
    raise second_factor.code_wrong()


async def sign_out(uow: UnitOfWork) -> None:
    """End the session the actor came with."""
    if uow.actor.session_id is None or uow.actor.user_id is None:
        return
    await revoke_sessions(uow, Session.id == uow.actor.session_id)
    await uow.emit(SignedOut(user_id=uow.actor.user_id), about=[Ref("core.user", uow.actor.user_id)])
