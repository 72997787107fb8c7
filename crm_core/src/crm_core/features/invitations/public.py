"""What others use of invitations: inviting with the names of roles and team."""

from __future__ import annotations

import sqlalchemy as sa

from crm_core.auth.people import Role, Team
from crm_core.entity.folding import fold
from crm_core.features.invitations.actions import RoleUnknown, invite
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


async def invite_by_names(uow: UnitOfWork, email: str, *, name: str, roles: tuple[str, ...], team: str) -> str:
    """Invite somebody; returns the path of the link, "" when the mail brings it. Roles by key or name, team by name."""
    ids = []
    for role in roles:
        match = sa.or_(Role.key == role, Role.name_f == fold(role))
        found = await uow.session.scalar(sa.select(Role.id).where(match, Role.deleted_at.is_(None)))
        if found is None:
            raise RoleUnknown(_("There is no role {role}.", role=role))
        ids.append(found)
    team_id = None
    if team:
        living = (Team.name_f == fold(team), Team.deleted_at.is_(None))
        team_id = await uow.session.scalar(sa.select(Team.id).where(*living))
        if team_id is None:
            raise RoleUnknown(_("There is no such team."))
    _made, path = await invite(uow, email, name=name, role_ids=ids, team_id=team_id)
    return path
