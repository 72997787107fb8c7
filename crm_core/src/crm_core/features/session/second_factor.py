"""The second factor: who needs one, setting it up, taking codes, taking it away."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit
from uuid import UUID

import sqlalchemy as sa
from markupsafe import Markup

from crm_core import secrets
from crm_core.auth.actor import Actor
from crm_core.auth.attempts import mark_right, record_attempt
from crm_core.auth.people import Role, User, UserRole
from crm_core.auth.session import Session, revoke_sessions
from crm_core.errors import Conflict, Forbidden
from crm_core.features.session import events, totp
from crm_core.features.session.models import SEALED, RecoveryCode, SecondFactor
from crm_core.features.session.settings import rules
from crm_core.i18n import Strings
from crm_core.plugin.declare import Ref

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
PER_USER = 5
"""Wrong codes in fifteen minutes, wherever they are typed."""
Need = Literal["", "code", "enrolment"]
WithCode = Literal["off", "codes"]


class SecondFactorIsOn(Conflict):
    """There is a confirmed second factor already; it is taken away before another one comes."""


class SecondFactorIsOff(Conflict):
    """There is no (confirmed) second factor to do this with."""


class SecondFactorDemanded(Conflict):
    """A rule demands the second factor; it can be replaced by an administrator's reset, not turned off."""


class CodeWrong(Forbidden):
    """The code is wrong, out of date, or was used before; nobody is told which."""


def code_wrong() -> CodeWrong:
    """Return the one answer to every code that is not taken."""
    text = _("This code is not right. Wait for the next one and try again.")
    return CodeWrong(text, fields={"code": text})


async def find(uow: UnitOfWork, user_id: UUID) -> SecondFactor | None:
    """Return a user's second factor, confirmed or only begun."""
    return await uow.session.scalar(sa.select(SecondFactor).where(SecondFactor.user_id == user_id))


async def is_demanded(uow: UnitOfWork, user_id: UUID) -> bool:
    """Return whether the rule for everybody, or one of the user's roles, demands a second factor."""
    if (await rules(uow)).second_factor_for_all:
        return True
    held = sa.select(Role.id).join(UserRole, UserRole.role_id == Role.id)
    query = held.where(UserRole.user_id == user_id, Role.deleted_at.is_(None), Role.second_factor).limit(1)
    return await uow.session.scalar(query) is not None


async def needed(uow: UnitOfWork, user_id: UUID) -> Need:
    """Return what follows the right password: nothing, a code, or setting the second factor up."""
    factor = await find(uow, user_id)
    if factor is not None and factor.confirmed_at is not None:
        return "code"
    return "enrolment" if await is_demanded(uow, user_id) else ""


async def begin(uow: UnitOfWork, user_id: UUID) -> str:
    """Write a new, unconfirmed secret and return it; SecondFactorIsOn when a confirmed one exists."""
    factor = await find(uow, user_id)
    if factor is not None and factor.confirmed_at is not None:
        raise SecondFactorIsOn(_("A second factor is set up already."))
    uow.demand_write()
    secret = totp.new_secret()
    sealed = secrets.seal(uow.kernel, SEALED, secret)
    if factor is None:
        uow.session.add(SecondFactor(user_id=user_id, secret=sealed, created_at=uow.now))
    else:
        factor.secret, factor.created_at = sealed, uow.now
    return secret


async def pending(uow: UnitOfWork, user_id: UUID) -> str | None:
    """Return the secret that waits for its first code, None when there is none."""
    factor = await find(uow, user_id)
    if factor is None or factor.confirmed_at is not None:
        return None
    return secrets.unseal(uow.kernel, SEALED, factor.secret)


async def confirm(uow: UnitOfWork, user_id: UUID, code: str) -> list[str] | None:
    """Turn the second factor on with its first code and return the recovery codes; None when the code is wrong.

    Other sessions of the user end: they were begun with less.
    """
    secret = await pending(uow, user_id)
    step = None if secret is None else totp.step_of(secret, code, uow.now)
    if step is None:
        return None
    on = sa.update(SecondFactor).where(SecondFactor.user_id == user_id, SecondFactor.confirmed_at.is_(None))
    done = await uow.session.execute(on.values(confirmed_at=uow.now, last_step=step))
    if done.rowcount != 1:  # type: ignore[attr-defined]  # a cursor result
        return None
    mine = [Session.id != uow.actor.session_id] if uow.actor.session_id else []
    await revoke_sessions(uow, Session.user_id == user_id, *mine)
    await uow.emit(events.SecondFactorEnabled(user_id=user_id), about=[Ref("core.user", user_id)])
    return await new_recovery_codes(uow, user_id)


async def take(uow: UnitOfWork, user_id: UUID, code: str) -> Literal["app", "recovery"] | None:
    """Use a code up and return what it was; None when it is not to be taken."""
    uow.demand_write()
    factor = await find(uow, user_id)
    if factor is None or factor.confirmed_at is None:
        return None
    if not totp.looks_like_app_code(code):
        return "recovery" if await _take_recovery(uow, user_id, code) else None
    step = totp.step_of(secrets.unseal(uow.kernel, SEALED, factor.secret), code, uow.now)
    if step is None:
        return None
    # One statement decides, so of two who type the same code at once only one is let in.
    newer = sa.update(SecondFactor).where(SecondFactor.user_id == user_id, SecondFactor.last_step < step)
    done = await uow.session.execute(newer.values(last_step=step), execution_options={"synchronize_session": False})
    return "app" if done.rowcount == 1 else None  # type: ignore[attr-defined]  # a cursor result


async def _take_recovery(uow: UnitOfWork, user_id: UUID, code: str) -> bool:
    wanted = totp.recovery_hash(user_id, code)
    rows = sa.select(RecoveryCode.id, RecoveryCode.hash)
    unused = (RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    found = [(key, hash_) for key, hash_ in (await uow.session.execute(rows.where(*unused))).all()]
    right = [key for key, hash_ in found if hmac.compare_digest(hash_, wanted)]
    if not right:
        return False
    used = sa.update(RecoveryCode).where(RecoveryCode.id == right[0], RecoveryCode.used_at.is_(None))
    done = await uow.session.execute(used.values(used_at=uow.now), execution_options={"synchronize_session": False})
    if done.rowcount != 1:  # type: ignore[attr-defined]  # a cursor result
        return False
    await uow.emit(events.RecoveryCodeUsed(user_id=user_id, left=len(found) - 1), about=[Ref("core.user", user_id)])
    return True


async def new_recovery_codes(uow: UnitOfWork, user_id: UUID) -> list[str]:
    """Replace all recovery codes by ten new ones and return them, the only time they are known."""
    uow.demand_write()
    await uow.session.execute(sa.delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = totp.new_recovery_codes()
    uow.session.add_all(RecoveryCode(user_id=user_id, hash=totp.recovery_hash(user_id, c)) for c in codes)
    await uow.emit(events.RecoveryCodesMade(user_id=user_id), about=[Ref("core.user", user_id)])
    return codes


async def unused_codes(uow: UnitOfWork, user_id: UUID) -> int:
    """Return how many recovery codes are left."""
    unused = (RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return await uow.session.scalar(sa.select(sa.func.count()).select_from(RecoveryCode).where(*unused)) or 0


async def remove(uow: UnitOfWork, user_id: UUID) -> bool:
    """Take the second factor and its recovery codes away; returns whether there was a confirmed one."""
    uow.demand_write()
    factor = await find(uow, user_id)
    await uow.session.execute(sa.delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    await uow.session.execute(sa.delete(SecondFactor).where(SecondFactor.user_id == user_id))
    return factor is not None and factor.confirmed_at is not None


async def turn_on(kernel: Kernel, actor: Actor, user_id: UUID, code: str, address: str) -> list[str]:
    """Turn the second factor on with its first code and return the recovery codes; CodeWrong."""
    guess = await record_attempt(kernel, "code", str(user_id), address, per_key=PER_USER)
    async with kernel.write(actor) as uow:
        codes = await confirm(uow, user_id, code)
        if codes is not None:
            await mark_right(uow, guess)
    if codes is None:
        raise code_wrong()
    return codes


async def change_with_code(
    kernel: Kernel, actor: Actor, user_id: UUID, attempt: UUID, code: str, what: WithCode, address: str
) -> list[str]:
    """Turn the own second factor off, or make new recovery codes; the password (`attempt`) was right already.

    CodeWrong for a wrong code, which counts like one at sign-in.
    """
    guess = await record_attempt(kernel, "code", str(user_id), address, per_key=PER_USER)
    codes: list[str] = []
    async with kernel.write(actor) as uow:
        await mark_right(uow, attempt)
        if what == "off" and await is_demanded(uow, user_id):
            raise SecondFactorDemanded(_("A rule demands your second factor. An administrator can reset it."))
        right = await take(uow, user_id, code) is not None
        if not right:
            await uow.emit(events.CodeRefused(user_id=user_id, address=address), about=[Ref("core.user", user_id)])
        else:
            await mark_right(uow, guess)
            if what == "codes":
                codes = await new_recovery_codes(uow, user_id)
            else:
                await remove(uow, user_id)
                await uow.emit(events.SecondFactorDisabled(user_id=user_id), about=[Ref("core.user", user_id)])
    if not right:
        raise code_wrong()
    return codes


async def label_of(uow: UnitOfWork, user_id: UUID, secret: str) -> tuple[str, Markup]:
    """Return the address for authenticator apps and its QR code as SVG."""
    email = await uow.session.scalar(sa.select(User.email).where(User.id == user_id)) or ""
    address = totp.uri(secret, email, f"CRM {urlsplit(uow.kernel.config.url).hostname or ''}".strip())
    return address, Markup(totp.qr_svg(address, "QR code"))  # noqa: S704 - drawn by us from numbers
