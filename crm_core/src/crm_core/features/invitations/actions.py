"""Inviting, repeating, revoking, accepting."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth import passwords
from crm_core.auth.actor import ActorKind, system
from crm_core.auth.links import LinkNotValid, PublicLink, create_link, revoke_links, use_link
from crm_core.auth.people import Password, Role, Team, User
from crm_core.auth.rights import UserUnknown, load_actor
from crm_core.entity import records
from crm_core.entity.folding import fold
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.features.invitations import rights
from crm_core.features.invitations.events import InvitationAccepted, InvitationRevoked, InvitationSent
from crm_core.features.invitations.models import Invitation
from crm_core.features.mail import public as mail
from crm_core.i18n import LOCALES, Strings
from crm_core.plugin import Ref
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
PURPOSE = "core.invitation"
LASTS = timedelta(days=7)


class InvitationsNotYours(Forbidden):
    """Inviting takes the right to add users, and the right to give roles where roles are given."""


class RolesTooMighty(Forbidden):
    """A role holds a right that the inviter does not hold."""


class AddressHasUser(Conflict):
    """There is a user with this address already."""


class InvitationUnknown(NotFound):
    """No such open invitation."""


class RoleUnknown(Invalid):
    """A role or team that does not exist."""


async def invite(
    uow: UnitOfWork, email: str, *, name: str = "", role_ids: Sequence[UUID] = (), team_id: UUID | None = None,
    locale: str = "",
) -> tuple[Invitation, str]:  # fmt: skip
    """Write an invitation and mail it; returns it with the path of its link, "" when the mail brings it.

    An open invitation to the same address is revoked. AddressHasUser, RolesTooMighty, InvitationsNotYours.
    """
    email = email.strip()
    demand_email(email)
    await demand_inviter(uow, role_ids)
    if team_id is not None and not await _exists(uow, Team, team_id):
        raise RoleUnknown(_("There is no such team."), fields={"team_id": _("There is no such team.")})
    taken = sa.select(User.id).where(User.email_f == fold(email), User.deleted_at.is_(None))
    if await uow.session.scalar(taken) is not None:
        text = _("There is a user with this address already.")
        raise AddressHasUser(text, fields={"email": text})
    uow.demand_write()
    earlier = sa.select(Invitation).where(Invitation.email_f == fold(email), *living(uow))
    for old in (await uow.session.scalars(earlier)).all():
        await revoke(uow, old)
    made = Invitation(
        email=email, name=name.strip()[:255], role_ids=[str(r) for r in role_ids], team_id=team_id,
        locale=locale if locale in LOCALES else uow.locale, invited_by=uow.actor.user_id,
        expires_at=uow.now + LASTS,
    )  # fmt: skip
    uow.session.add(made)
    await uow.session.flush()  # the link needs the id
    return made, await send(uow, made)


def demand_email(email: str) -> None:
    """Raise Invalid for what cannot be an address."""
    local, _at, domain = email.rpartition("@")
    if not local or "." not in domain.strip(".") or len(email) > 254 or any(c.isspace() or c in "<>,;" for c in email):
        text = _("This is not an e-mail address.")
        raise Invalid(text, fields={"email": text})


async def demand_inviter(uow: UnitOfWork, role_ids: Sequence[UUID]) -> None:
    """Raise unless the actor may add users and hold all that these roles give."""
    if uow.actor.kind is ActorKind.system:
        return
    if not uow.actor.may("core.user.create") or (role_ids and not uow.actor.may("core.user.grant")):
        raise InvitationsNotYours(_("You may not invite people with roles."))
    roles = await roles_of(uow, role_ids)
    if not rights.covers(uow.actor, await rights.given_by(uow, roles)):
        text = _("You may only give roles whose rights you hold yourself.")
        raise RolesTooMighty(text, fields={"role_ids": text})


async def roles_of(uow: UnitOfWork, role_ids: Sequence[UUID]) -> list[Role]:
    """Return living roles; RoleUnknown when one is missing."""
    found = list(await uow.session.scalars(sa.select(Role).where(Role.id.in_(role_ids), Role.deleted_at.is_(None))))
    if len(found) != len(set(role_ids)):
        text = _("There is no such role.")
        raise RoleUnknown(text, fields={"role_ids": text})
    return found


async def send(uow: UnitOfWork, invitation: Invitation) -> str:
    """Make a new link, the old one dies; mail it, or return its path when no mail is set up."""
    about = Ref("core.invitation", invitation.id)
    await revoke_links(uow, about, PURPOSE)
    token = await create_link(uow, PURPOSE, ref=about, expires_at=invitation.expires_at, max_uses=1)
    path = f"/public/invitation/{token}"
    by_mail = await mail.is_set_up(uow)
    if by_mail:
        await mail.send_template(
            uow, "core/mail/invitation", to=invitation.email, kind="security", purpose=PURPOSE,
            locale=invitation.locale, inviter=uow.actor.name, path=path, days=LASTS.days,
        )  # fmt: skip
        invitation.mailed_at = uow.now
    ids = tuple(UUID(r) for r in invitation.role_ids)
    sent = InvitationSent(invitation_id=invitation.id, email=invitation.email, mailed=by_mail, role_ids=ids)
    await uow.emit(sent, about=[about])
    return "" if by_mail else path


async def open_invitation(uow: UnitOfWork, invitation_id: UUID | None) -> Invitation:
    """Return an invitation that is neither accepted nor revoked; InvitationUnknown. It may be expired."""
    still = (Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None))
    found = await uow.session.scalar(sa.select(Invitation).where(Invitation.id == invitation_id, *still))
    if found is None:
        raise InvitationUnknown(_("There is no such invitation."))
    return found


def living(uow: UnitOfWork) -> tuple[Any, ...]:
    """Return the conditions of an invitation somebody can still accept."""
    return (Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None), Invitation.expires_at > uow.now)


async def resend(uow: UnitOfWork, invitation_id: UUID) -> tuple[Invitation, str]:
    """Send an invitation again with a new link and another week; what it gives is checked against who sends it."""
    invitation = await open_invitation(uow, invitation_id)
    await demand_inviter(uow, [UUID(r) for r in invitation.role_ids])
    uow.demand_write()
    invitation.expires_at = uow.now + LASTS
    invitation.invited_by = uow.actor.user_id
    return invitation, await send(uow, invitation)


async def revoke(uow: UnitOfWork, invitation: Invitation) -> None:
    """Take an invitation back; its link dies."""
    uow.demand_write()
    about = Ref("core.invitation", invitation.id)
    invitation.revoked_at = uow.now
    await revoke_links(uow, about, PURPOSE)
    await uow.emit(InvitationRevoked(invitation_id=invitation.id, email=invitation.email), about=[about])


async def for_link(uow: UnitOfWork, link: PublicLink) -> Invitation:
    """Return the invitation that a link may still accept; LinkNotValid also when its inviter lost the right to it."""
    try:
        invitation = await open_invitation(uow, link.ref_id)
        if invitation.invited_by is not None:
            inviter = await load_actor(uow.kernel, invitation.invited_by, session=uow.session)
            given = await rights.given_by(uow, await roles_of(uow, [UUID(r) for r in invitation.role_ids]))
            if not inviter.may("core.user.create") or not rights.covers(inviter, given):
                raise InvitationUnknown(_("There is no such invitation."))
    except (InvitationUnknown, UserUnknown, RoleUnknown) as error:
        raise LinkNotValid(_("This link is not valid (any more).")) from error
    return invitation


async def accept(uow: UnitOfWork, link: PublicLink, name: str, password: str) -> User:
    """Make the account and use the link up; PasswordUnfit and Invalid before anything is written."""
    invitation = await for_link(uow, link)
    if not name.strip():
        text = _("Enter your name.")
        raise Invalid(text, fields={"name": text})
    passwords.check(password, name=name, email=invitation.email)
    hashed = await passwords.hashed(password)  # before the first write: nothing waits for it
    await use_link(uow, link)
    # The guest has no rights; who invited has been checked for what the roles give.
    uow.actor = system("invitation")
    values: dict[str, Any] = {
        "name": name.strip(), "email": invitation.email, "locale": invitation.locale,
        "roles": [{"role_id": UUID(r)} for r in invitation.role_ids],
    }  # fmt: skip
    if invitation.team_id is not None:
        values["teams"] = [{"team_id": invitation.team_id, "is_primary": True}]
    user: User = await records.create(uow, uow.registry.entity("core.user"), values, trusted=True)
    await uow.session.flush()  # the password's foreign key needs the row
    uow.session.add(Password(user_id=user.id, hash=hashed, changed_at=uow.now))
    invitation.accepted_at, invitation.user_id = uow.now, user.id
    accepted = InvitationAccepted(invitation_id=invitation.id, email=invitation.email, user_id=user.id)
    await uow.emit(accepted, about=[Ref("core.user", user.id)])
    return user


async def _exists(uow: UnitOfWork, model: Any, key: UUID) -> bool:
    return await uow.session.scalar(sa.select(model.id).where(model.id == key, model.deleted_at.is_(None))) is not None
