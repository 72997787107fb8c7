"""The rights of a role as a grid."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.people import Role, RoleField, RoleGrant
from crm_core.features.roles.schemas import EntityRights, Level, PermissionOut, RoleRights, ScopeName
from crm_core.i18n import Text
from crm_core.plugin import hookspecs
from crm_core.plugin.declare import VERBS, Entity
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork

EVERY: list[ScopeName] = ["none", "own", "team", "all"]
EITHER: list[ScopeName] = ["none", "all"]


def grid(registry: Registry) -> list[Entity]:
    """Return the entities that have rights of their own, in order of the menu: one row of the grid each."""
    return sorted((e for e in registry.entities.values() if not e.parent), key=lambda e: (e.order, e.name))


def scopes_of(entity: Entity) -> list[ScopeName]:
    """Return the scopes that mean something: without an owner there are no own records."""
    return EVERY if entity.field("owner_id") is not None else EITHER


def fixed(entity: Entity) -> list[str]:
    """Return the verbs that every signed-in user has, whatever the role."""
    return ["read"] if entity.public_read else []


def fields_of(registry: Registry, entity: Entity) -> list[tuple[str, Text]]:
    """Return name and label of what a role can bar: fields, those of plugins included, and children."""
    own = [(x.name, x.label) for x in registry.fields(entity) if not x.hidden]
    return [*own, *((c.name, c.label) for c in entity.children)]


async def rights_of(uow: UnitOfWork, role: Role) -> RoleRights:
    """Return everything a role grants and bars, a row for every entity of the loaded plugins."""
    held = await grants_of(uow, role.id)
    entities = [row(e, {n: g.scope for n, g in held.items()}, uow.locale) for e in grid(uow.registry)]
    permissions = [
        PermissionOut(p.name, p.label.to(uow.locale), p.name in held)
        for p in sorted(uow.registry.gather(hookspecs.crm_permissions), key=lambda p: p.name)
    ]
    fields: dict[str, dict[str, Level]] = {}
    for one in (await barred_of(uow, role.id)).values():
        fields.setdefault(one.entity, {})[one.field] = one.level  # type: ignore[assignment]  # stored text
    return RoleRights(role.everything, role.version, entities, permissions, fields)


def row(entity: Entity, scopes: dict[str, str], locale: str) -> EntityRights:
    """Return an entity's row of the grid from scopes by right."""
    verbs = {v: scopes.get(f"{entity.name}.{v}", "none") for v in VERBS} | dict.fromkeys(fixed(entity), "all")
    return EntityRights(entity.name, entity.plural.to(locale), verbs, scopes_of(entity), fixed(entity))  # type: ignore[arg-type]  # stored texts


async def grants_of(uow: UnitOfWork, role_id: UUID) -> dict[str, RoleGrant]:
    """Return a role's grants by name."""
    return {g.name: g for g in await uow.session.scalars(sa.select(RoleGrant).where(RoleGrant.role_id == role_id))}


async def barred_of(uow: UnitOfWork, role_id: UUID) -> dict[tuple[str, str], RoleField]:
    """Return the fields a role bars, by entity and name."""
    found = await uow.session.scalars(sa.select(RoleField).where(RoleField.role_id == role_id))
    return {(x.entity, x.field): x for x in found}
