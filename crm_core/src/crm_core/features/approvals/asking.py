"""Who is asked in a step: people expanded from teams and roles, without those who cannot decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.actor import Actor
from crm_core.auth.people import Team, TeamMember, User, UserRole
from crm_core.auth.rights import UserUnknown, load_actor
from crm_core.db.types import new_id
from crm_core.entity import access
from crm_core.errors import Invalid
from crm_core.features.approvals.deputies import deputy_of
from crm_core.features.approvals.models import Approval, ApprovalStep, Approver
from crm_core.features.approvals.schemas import Step
from crm_core.features.approvals.settings import ApprovalSettings
from crm_core.i18n import Strings
from crm_core.plugin.declare import Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
MOST = 200
"""People in one step: more is a mistake, and each of them gets a mail."""


class TooManyApprovers(Invalid):
    """A step would ask more than 200 people."""


def asks_of(step: Step) -> list[str]:
    """Return a step's people as they are stored."""
    named = (("user", step.users), ("team", step.teams), ("role", step.roles))
    return [f"{kind}:{key}" for kind, keys in named for key in keys]


async def people_of(uow: UnitOfWork, asks: Sequence[str]) -> dict[UUID, str]:
    """Return the users that are meant, each with how they came in; whoever is named is not asked as a member too."""
    found: dict[UUID, str] = {}
    for kind in ("user", "team", "role"):
        keys = [UUID(a.partition(":")[2]) for a in asks if a.startswith(f"{kind}:")]
        if not keys:
            continue
        if kind == "user":
            members: Any = keys
        elif kind == "team":
            living = sa.select(Team.id).where(Team.id.in_(keys), Team.deleted_at.is_(None))
            members = await uow.session.scalars(sa.select(TeamMember.user_id).where(TeamMember.team_id.in_(living)))
        else:
            members = await uow.session.scalars(sa.select(UserRole.user_id).where(UserRole.role_id.in_(keys)))
        for one in members:
            found.setdefault(one, kind)
    if len(found) > MOST:
        raise TooManyApprovers(_("A step asks at most {count} people.", count=MOST))
    known = await uow.session.scalars(sa.select(User.id).where(User.id.in_(list(found))))
    there = set(known)
    return {user: via for user, via in sorted(found.items()) if user in there}


async def actor_of(uow: UnitOfWork, user_id: UUID) -> Actor | None:
    """Return a user with today's rights, None for who is switched off."""
    try:
        return await load_actor(uow.kernel, user_id, session=uow.session)
    except UserUnknown:
        return None


async def can_read(uow: UnitOfWork, actor: Actor, about: Ref) -> bool:
    """Return whether somebody may read a record that is not in the trash."""
    entity = uow.registry.entities.get(about.entity)
    if entity is None:
        return False
    table = access.table_of(entity)
    seen = access.rows(uow.registry, actor, entity, "read")
    return await uow.session.scalar(sa.select(table.c.id).where(table.c.id == about.id, seen)) is not None


async def why_not(uow: UnitOfWork, approval: Approval, user_id: UUID) -> str:
    """Return why somebody cannot decide: "own_request", "inactive", "no_right"; "" when they can."""
    if user_id == approval.requested_by and not (await uow.settings(ApprovalSettings)).own_requests:
        return "own_request"
    actor = await actor_of(uow, user_id)
    if actor is None:
        return "inactive"
    return "" if await can_read(uow, actor, Ref(approval.entity, approval.record_id)) else "no_right"


async def deputy(uow: UnitOfWork, approval: Approval, user_id: UUID) -> UUID | None:
    """Return who decides for somebody who is away now; None when they are there or the deputy could not decide."""
    found = await deputy_of(uow, user_id, uow.now)
    return None if found is None or await why_not(uow, approval, found) else found


async def opened(uow: UnitOfWork, approval: Approval, step: ApprovalStep) -> list[Approver]:
    """Begin a step: write down who is asked and who is skipped; return those who can decide."""
    uow.demand_write()
    step.state = "waiting"
    asked: list[Approver] = []
    for user_id, via in (await people_of(uow, step.asks)).items():
        skipped = await why_not(uow, approval, user_id)
        row = Approver(
            id=new_id(), approval_id=approval.id, step_id=step.id, user_id=user_id, via=via, skipped=skipped,
            state="skipped" if skipped else "waiting",
            deputy_id=None if skipped else await deputy(uow, approval, user_id),
        )  # fmt: skip
        uow.session.add(row)
        if not skipped:
            asked.append(row)
    await uow.session.flush()  # links and decisions look for the rows
    return asked


def can_be_met(step: ApprovalStep, able: int) -> bool:
    """Return whether so many people are enough to approve a step."""
    return able >= max(step.needed, 1)
