"""Rules about users, and what an administrator does with one."""

from __future__ import annotations

from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

import sqlalchemy as sa

from crm_core.auth import viewing
from crm_core.auth.events import SessionsEnded, ViewingEnded, ViewingStarted
from crm_core.auth.people import Role, User, UserRole
from crm_core.auth.session import Session, revoke_sessions
from crm_core.auth.tokens import Token, revoke_tokens
from crm_core.entity.fields import Option
from crm_core.errors import Conflict, Forbidden, Invalid
from crm_core.features.organisation.public import Organisation
from crm_core.features.users.schemas import EndViewing
from crm_core.i18n import LOCALES, Strings
from crm_core.live import Message
from crm_core.plugin.declare import Ref
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")

LOCALE_OPTIONS = tuple(
    Option(value=value, label=label) for value, label in (("en", _("English")), ("de", _("German"))) if value in LOCALES
)


class LastAdministrator(Conflict):
    """Nobody would be left who may do everything."""


class RolesNotYours(Forbidden):
    """Giving roles needs a right of its own; or editing oneself would become everything."""


class ZoneUnknown(Invalid):
    """Not a name of the IANA time zone database."""


async def defaults(uow: UnitOfWork, values: dict[str, Any]) -> dict[str, Any]:
    """Give new users the language and zone of the organisation, or of the one who adds them while nobody set it."""
    own = await uow.settings(Organisation)
    whose = uow.actor if own == Organisation() else own
    return {"locale": whose.locale, "zone": whose.zone, **values}


async def validate(uow: UnitOfWork, record: User, changed: frozenset[str]) -> None:
    """Check zone, roles and teams of a user before it is written."""
    if "roles" in changed and not uow.actor.may("core.user.grant"):
        raise RolesNotYours(_("You may not give roles to users."))
    if "zone" in changed and record.zone not in available_timezones():
        text = _("There is no time zone {zone}.", zone=record.zone)
        raise ZoneUnknown(text, fields={"zone": text})


async def demand_administrator(uow: UnitOfWork) -> None:
    """Raise LastAdministrator when nobody active holds a role that may do everything."""
    query = (
        sa.select(User.id)
        .join(UserRole, UserRole.user_id == User.id)
        .join(Role, Role.id == UserRole.role_id)
        .where(User.is_active, User.deleted_at.is_(None), Role.everything, Role.deleted_at.is_(None))
        .limit(1)
    )
    if await uow.session.scalar(query) is None:
        raise LastAdministrator(_("At least one active administrator must remain."))


async def start_viewing(uow: UnitOfWork, user_id: UUID) -> None:
    """Let the actor's session look through a user's eyes, tell of it, and end it by the clock."""
    until = await viewing.start(uow, user_id)
    session = uow.actor.session_id
    if session is not None:
        await uow.enqueue(EndViewing(session_id=session, until=until), run_at=until)
    await uow.emit(ViewingStarted(user_id=user_id, until=until), about=[Ref("core.user", user_id)])


async def end_viewing(uow: UnitOfWork) -> UUID | None:
    """End the look through another user's eyes of the actor's session; returns whose, None when it was over."""
    session = uow.actor.session_id
    user_id = await viewing.end(uow, session) if session is not None else None
    if user_id is not None:
        await uow.emit(ViewingEnded(user_id=user_id), about=[Ref("core.user", user_id)])
    return user_id


async def end_access(uow: UnitOfWork, user_id: UUID) -> None:
    """End every session and token of a user for good, and tell their open streams after the commit.

    A user who is switched on again signs in again.
    """
    ended = await revoke_sessions(uow, Session.user_id == user_id)
    ended += await revoke_tokens(uow, Token.user_id == user_id)
    if ended:
        await uow.emit(SessionsEnded(user_id=user_id), about=[Ref("core.user", user_id)])
    live = uow.kernel.live
    uow.after_commit(lambda: live.publish(Message(f"user/{user_id}", "ended")))


async def end_sessions(uow: UnitOfWork, record: User, params: None) -> None:
    """End every session of a user at once."""
    await revoke_sessions(uow, Session.user_id == record.id)
    await uow.emit(SessionsEnded(user_id=record.id), about=[Ref("core.user", record.id)])
