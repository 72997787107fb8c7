"""Whether somebody holds all that a set of roles gives, so that no invitation makes a mightier user."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.actor import Actor, Rights, wider
from crm_core.auth.people import Role, RoleField, RoleGrant
from crm_core.auth.rights import merge
from crm_core.uow import UnitOfWork


async def given_by(uow: UnitOfWork, roles: Sequence[Role]) -> Rights:
    """Return what roles grant together."""
    ids: list[UUID] = [r.id for r in roles]
    grants = (
        await uow.session.execute(sa.select(RoleGrant.name, RoleGrant.scope).where(RoleGrant.role_id.in_(ids)))
    ).all()
    columns = (RoleField.role_id, RoleField.entity, RoleField.field, RoleField.level)
    barred = (await uow.session.execute(sa.select(*columns).where(RoleField.role_id.in_(ids)))).all()
    everything = any(r.everything for r in roles)
    return merge(
        uow.registry,
        [(g.name, g.scope) for g in grants],
        [(b.role_id, b.entity, b.field, b.level) for b in barred],
        ids,
        everything,
    )


def covers(actor: Actor, given: Rights) -> bool:
    """Return whether the actor, token scopes included, holds every right in `given` at least as far."""
    if actor.rights.everything and not actor.scopes and actor.on_behalf_of is None:
        return True
    if given.everything:
        return False
    for name, scope in given.scopes.items():
        entity, _dot, verb = name.rpartition(".")
        own = actor.scope(entity, verb)
        if wider(own, scope) is not own:
            return False
    if not all(actor.may(name) for name in given.permissions):
        return False
    return actor.rights.hidden <= given.hidden and actor.rights.locked <= given.locked | given.hidden
