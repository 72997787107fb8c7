"""Invitations that wait, and what an inviter may choose from."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.people import Role, Team
from crm_core.features.invitations import rights
from crm_core.features.invitations.models import Invitation
from crm_core.features.invitations.schemas import InvitationOut
from crm_core.uow import UnitOfWork


def invitation_out(row: Invitation, link: str = "") -> InvitationOut:
    """Return an invitation as the API shows it."""
    return InvitationOut(
        id=row.id, email=row.email, name=row.name, role_ids=[UUID(r) for r in row.role_ids], team_id=row.team_id,
        created_at=row.created_at, expires_at=row.expires_at, mailed_at=row.mailed_at, link=link,
    )  # fmt: skip


async def waiting(uow: UnitOfWork) -> list[Invitation]:
    """Return invitations neither accepted nor revoked, newest first; expired ones can be sent again."""
    query = sa.select(Invitation).where(Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None))
    return list(await uow.session.scalars(query.order_by(Invitation.id.desc()).limit(200)))


async def choices(uow: UnitOfWork) -> tuple[list[Role], list[Team]]:
    """Return the roles the actor may give, and all teams."""
    roles = await uow.session.scalars(sa.select(Role).where(Role.deleted_at.is_(None)).order_by(Role.name_f))
    mine = [r for r in roles if rights.covers(uow.actor, await rights.given_by(uow, [r]))]
    teams = await uow.session.scalars(sa.select(Team).where(Team.deleted_at.is_(None)).order_by(Team.name_f))
    return (mine if uow.actor.may("core.user.grant") else []), list(teams)
