"""What a user may do: roles merged to the widest, teams with all teams below, made once per epoch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.actor import Actor, ActorKind, Rights, Scope, wider
from crm_core.auth.people import Role, RoleField, RoleGrant, Team, TeamMember, User, UserRole
from crm_core.entity.folding import fold
from crm_core.errors import NotFound
from crm_core.i18n import Strings
from crm_core.plugin import hookspecs

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from crm_core.kernel import Kernel
    from crm_core.plugin.registry import Registry

_ = Strings("crm_core")
EPOCH = "people"
_CACHE = "actors"


class UserUnknown(NotFound):
    """There is no such user, or the account is switched off."""


async def load_actor(
    kernel: Kernel, user_id: UUID, *, epoch: int | None = None, session: AsyncSession | None = None
) -> Actor:
    """Return the user's actor with merged rights; UserUnknown when deleted or not active.

    With `epoch` (the value the session look-up has just read) the answer is cached in this process
    until the epoch moves; without it the rights are read from the database.
    """
    cache: dict[UUID, tuple[int, Actor]] = kernel.caches.setdefault(_CACHE, {})
    if epoch is not None and (found := cache.get(user_id)) is not None and found[0] == epoch:
        return found[1]
    if session is not None:
        actor = await _read(session, kernel.registry, user_id)
    else:
        async with kernel.db.session(readonly=True) as own:
            actor = await _read(own, kernel.registry, user_id)
    if epoch is not None:
        if len(cache) > 10_000:
            cache.clear()
        cache[user_id] = (epoch, actor)
    return actor


async def actor_by_email(kernel: Kernel, email: str) -> Actor:
    """Return the actor of the active user with this address; UserUnknown if there is none."""
    async with kernel.db.session(readonly=True) as session:
        query = sa.select(User.id).where(User.email_f == fold(email), User.deleted_at.is_(None))
        user_id = await session.scalar(query)
        if user_id is None:
            raise UserUnknown(_("There is no user {email}.", email=email))
        return await load_actor(kernel, user_id, session=session)


async def _read(session: AsyncSession, registry: Registry, user_id: UUID) -> Actor:
    user = (
        await session.execute(
            sa.select(User.name, User.locale, User.zone).where(
                User.id == user_id, User.is_active, User.deleted_at.is_(None)
            )
        )
    ).one_or_none()
    if user is None:
        raise UserUnknown(_("This user does not exist or is switched off."))
    roles, rights = await _rights(session, registry, user_id)
    members = sa.select(TeamMember.team_id, TeamMember.is_primary).where(TeamMember.user_id == user_id)
    own = (await session.execute(members)).all()
    tree = (
        (await session.execute(sa.select(Team.id, Team.parent_id).where(Team.deleted_at.is_(None)))).all()
        if own
        else ()
    )
    return Actor(
        ActorKind.user,
        name=user.name,
        user_id=user_id,
        roles=roles,
        team_id=next((m.team_id for m in own if m.is_primary), None),
        team_ids=below((m.team_id for m in own), {team.id: team.parent_id for team in tree}),
        rights=rights,
        locale=user.locale,
        zone=user.zone,
    )


async def _rights(session: AsyncSession, registry: Registry, user_id: UUID) -> tuple[frozenset[str], Rights]:
    """Return the keys of a user's roles and what they grant together."""
    roles = (
        await session.execute(
            sa.select(Role.id, Role.key, Role.name, Role.everything)
            .join(UserRole, UserRole.role_id == Role.id)
            .where(UserRole.user_id == user_id, Role.deleted_at.is_(None))
        )
    ).all()
    ids = [r.id for r in roles]
    grants: Any = ()
    barred: Any = ()
    if ids:
        grants = (
            await session.execute(sa.select(RoleGrant.name, RoleGrant.scope).where(RoleGrant.role_id.in_(ids)))
        ).all()
        columns = (RoleField.role_id, RoleField.entity, RoleField.field, RoleField.level)
        barred = (await session.execute(sa.select(*columns).where(RoleField.role_id.in_(ids)))).all()
    rights = merge(registry, grants, [tuple(b) for b in barred], ids, any(r.everything for r in roles))
    return frozenset(r.key or r.name for r in roles), rights


def merge(
    registry: Registry,
    grants: Iterable[tuple[str, str]],
    barred: Iterable[tuple[UUID, str, str, str]],
    roles: Collection[UUID],
    everything: bool,
) -> Rights:
    """Return the widest of what several roles grant; a field is barred only when every role bars it."""
    if everything:
        return Rights(everything=True)
    scopes: dict[str, Scope] = {f"{e.name}.read": Scope.all for e in registry.entities.values() if e.public_read}
    permissions = {p.name: p.implies for p in registry.gather(hookspecs.crm_permissions)}
    held: list[str] = []
    for name, text in grants:
        if name in permissions:
            held.append(name)
        else:
            scopes[name] = wider(scopes.get(name, Scope.none), Scope(text))
    implied = _implied(held, permissions)
    scopes |= dict.fromkeys(implied - set(permissions), Scope.all)
    hidden, locked = _barred(barred, len(roles))
    return Rights(scopes=scopes, permissions=implied & set(permissions), hidden=hidden, locked=locked)


def _implied(names: Iterable[str], permissions: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """Return names with everything they imply; what is no permission is a verb of an entity."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += permissions.get(name, ())
    return frozenset(found)


def _barred(rows: Iterable[tuple[UUID, str, str, str]], roles: int) -> tuple[frozenset[str], frozenset[str]]:
    by_field: dict[str, list[str]] = {}
    for _role, entity, field, level in rows:
        by_field.setdefault(f"{entity}.{field}", []).append(level)
    everywhere = {name: levels for name, levels in by_field.items() if len(levels) >= roles}
    hidden = frozenset(n for n, levels in everywhere.items() if all(level == "hidden" for level in levels))
    return hidden, frozenset(everywhere) - hidden


def below(own: Iterable[UUID], parents: Mapping[UUID, UUID | None]) -> frozenset[UUID]:
    """Return teams with all teams below them. `parents` maps each living team to its parent."""
    children: dict[UUID, list[UUID]] = {}
    for team, parent in parents.items():
        if parent is not None:
            children.setdefault(parent, []).append(team)
    found: set[UUID] = set()
    waiting = [t for t in own if t in parents]
    while waiting:
        team = waiting.pop()
        if team not in found:  # a cycle, however it came about, ends here
            found.add(team)
            waiting += children.get(team, ())
    return frozenset(found)
