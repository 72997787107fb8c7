"""Rules about the tree of teams."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.people import Team
from crm_core.errors import Invalid
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class TeamBelowItself(Invalid):
    """A team cannot be part of itself or of a team below it."""


async def validate(uow: UnitOfWork, record: Team, changed: frozenset[str]) -> None:
    """Refuse a parent that closes a circle."""
    if "parent_id" not in changed or record.parent_id is None:
        return
    rows = (await uow.session.execute(sa.select(Team.id, Team.parent_id))).all()
    parents: dict[UUID, UUID | None] = {row.id: row.parent_id for row in rows}
    parents[record.id] = record.parent_id
    seen = {record.id}
    team: UUID | None = record.parent_id
    while team is not None:
        if team in seen:
            text = _("A team cannot be part of itself or of a team below it.")
            raise TeamBelowItself(text, fields={"parent_id": text})
        seen.add(team)
        team = parents.get(team)
