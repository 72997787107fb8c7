"""Why somebody may do something with a record: the conditions that decide, asked one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.actor import Actor, Scope
from crm_core.auth.people import Role, RoleGrant, Share, Team, TeamMember, User, UserRole
from crm_core.entity import access
from crm_core.entity import fields as f
from crm_core.errors import NotFound
from crm_core.features.sharing.schemas import Reason, ShareOut, VerbAccess
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import VERBS, Entity
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
ASKED = tuple(v for v in VERBS if v != "create")  # creating is not about a record
ORDER = ("none", "own", "team", "all")
NEEDED = {"all": "all", "team": "team", "owner": "own", "share": "own", "rule": "own"}
"""What scope of a role each way needs at least."""
WORDS: dict[str, Text] = {
    "everything": _("An administrator may do everything."),
    "public": _("Everybody who is signed in may read these."),
    "all": _("A role reaches all records."),
    "owner": _("Owner of the record."),
    "team": _("The record belongs to the team or to one below it."),
    "share": _("The record is shared."),
    "rule": _("A rule of this kind of record opens it, such as taking part in it or its being about one's own record."),
    "parent": _("It is part of another record, whose rights count."),
}


@dataclass(slots=True)
class Facts:
    """What the words of an explanation need; nothing here decides."""

    grants: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # right -> (role, scope)
    mighty: list[str] = field(default_factory=list)
    path: tuple[str, ...] = ()
    shares: list[str] = field(default_factory=list)  # levels of shares that are the user's or their teams'


async def explain(uow: UnitOfWork, entity: Entity, record_id: UUID, actor: Actor) -> list[VerbAccess]:
    """Return, per verb, whether `actor` may do it with a record, and every reason; NotFound if there is no record.

    `uow` must be one that may see the record. The answer is made from `access.rows()` and `access.ways()`.
    """
    table = access.table_of(entity)
    columns: list[Any] = [access.rows(uow.registry, actor, entity, v, deleted=None) for v in ASKED]
    ways = [(verb, way) for verb in ASKED for way in access.ways(uow.registry, actor, entity, verb, table)]
    columns += [way.condition for _verb, way in ways]
    bars = access.bars(actor, entity, table)
    columns += [*bars, table.c.deleted_at.is_not(None)]
    named = [sa.type_coerce(c, sa.Boolean).label(f"c{n}") for n, c in enumerate(columns)]
    row = (await uow.session.execute(sa.select(*named, table).where(table.c.id == record_id))).mappings().one_or_none()
    if row is None:
        raise NotFound(_("There is no such {label}.", label=entity.label))
    held = [bool(row[f"c{n}"]) for n in range(len(columns))]
    decided, found = held[: len(ASKED)], held[len(ASKED) : len(ASKED) + len(ways)]
    hindered = [_("It is private.").to(uow.locale)] if any(held[len(ASKED) + len(ways) : -1]) else []
    if held[-1]:
        hindered.append(_("It is in the trash.").to(uow.locale))
    facts = await _facts(uow, entity, row, actor)
    true = [(verb, way.word) for (verb, way), holds in zip(ways, found, strict=True) if holds]
    answers = []
    for number, verb in enumerate(ASKED):
        reasons = [_reason(uow, entity, verb, word, facts) for v, word in true if v == verb]
        scope = access.scope_of(uow.registry, actor, entity, verb)
        allowed = decided[0] and decided[number]
        blocked = hindered if reasons else []
        answers.append(VerbAccess(verb, allowed, str(scope), reasons, [*blocked, *_unseen(uow, reasons, decided)]))
    return await _with_parent(uow, entity, row, actor, answers)


def _unseen(uow: UnitOfWork, reasons: list[Reason], decided: Sequence[bool]) -> list[str]:
    return [_("The record may not be read.").to(uow.locale)] if reasons and not decided[0] else []


def _reason(uow: UnitOfWork, entity: Entity, verb: str, word: str, facts: Facts) -> Reason:
    if word == "everything":
        return Reason(word, WORDS[word].to(uow.locale), roles=tuple(facts.mighty))
    least = ORDER.index(NEEDED.get(word, "all"))
    granted = facts.grants.get(f"{entity.name}.{verb}", [])
    roles = tuple(role for role, scope in granted if ORDER.index(scope) >= least)
    path = facts.path if word == "team" else ()
    return Reason(word, WORDS[word].to(uow.locale), roles=roles if word in NEEDED else (), path=path)


async def _with_parent(
    uow: UnitOfWork, entity: Entity, row: Mapping[Any, Any], actor: Actor, answers: list[VerbAccess]
) -> list[VerbAccess]:
    """Add the parent's reasons to those of a child entity."""
    link = entity.field(entity.parent) if entity.parent else None
    if not isinstance(link, f.Link) or row[link.name] is None or link.target not in uow.registry.entities:
        return answers
    above = await explain(uow, uow.registry.entities[link.target], row[link.name], actor)
    by_verb = {a.verb: a for a in above}
    for answer in answers:
        if answer.reasons:
            answer.reasons += by_verb[access.parent_verb(answer.verb)].reasons
    return answers


async def _facts(uow: UnitOfWork, entity: Entity, row: Mapping[Any, Any], actor: Actor) -> Facts:
    facts = Facts()
    names = [f"{entity.name}.{v}" for v in ASKED]
    held = (
        sa.select(Role.name.label("role"), Role.everything, RoleGrant.name, RoleGrant.scope)
        .join(UserRole, UserRole.role_id == Role.id)
        .outerjoin(RoleGrant, sa.and_(RoleGrant.role_id == Role.id, RoleGrant.name.in_(names)))
        .where(UserRole.user_id == actor.user_id, Role.deleted_at.is_(None))
        .order_by(Role.name)
    )
    for role, everything, name, scope in await uow.session.execute(held):
        if everything and role not in facts.mighty:
            facts.mighty.append(role)
        if scope in ORDER:  # none of both for a role without these rights
            facts.grants.setdefault(name, []).append((role, scope))
    if row.get("team_id") in actor.team_ids and actor.team_ids:
        facts.path = await _path(uow, row["team_id"], actor)
    return facts


async def _path(uow: UnitOfWork, team_id: UUID, actor: Actor) -> tuple[str, ...]:
    """Return the names of teams from the nearest one the user is a member of down to a record's."""
    teams = {t.id: t for t in await uow.session.execute(sa.select(Team.id, Team.name, Team.parent_id))}
    member = set(await uow.session.scalars(sa.select(TeamMember.team_id).where(TeamMember.user_id == actor.user_id)))
    found: list[str] = []
    seen: set[UUID] = set()
    at: UUID | None = team_id
    while at is not None and at in teams and at not in seen:
        seen.add(at)
        found.insert(0, teams[at].name)
        if at in member:
            break
        at = teams[at].parent_id
    return tuple(found)


def shareable(entity: Entity) -> bool:
    """Return whether single records can be opened to others: those with an owner and rights of their own."""
    return entity.field("owner_id") is not None and not entity.parent and not entity.public_read


async def shares_of(uow: UnitOfWork, entity: Entity, record_id: UUID) -> list[ShareOut]:
    """Return the shares of a record that the caller has checked may be seen, oldest first."""
    name = sa.func.coalesce(User.name, Team.name, "–")
    wanted = (
        sa.select(Share.id, Share.level, name, Share.user_id, Share.team_id)
        .outerjoin(User, User.id == Share.user_id)
        .outerjoin(Team, Team.id == Share.team_id)
        .where(Share.entity == entity.name, Share.record_id == record_id)
        .order_by(Share.id)
    )
    return [ShareOut(*row) for row in await uow.session.execute(wanted)]


def may_share(uow: UnitOfWork, entity: Entity) -> bool:
    """Return whether the actor can open any record of an entity to others."""
    return shareable(entity) and access.scope_of(uow.registry, uow.actor, entity, "assign") is not Scope.none
