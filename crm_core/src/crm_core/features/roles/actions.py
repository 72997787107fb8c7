"""The roles of a new installation, and the rights they are given when a plugin is first seen."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.auth.actor import Scope
from crm_core.auth.people import KnownGrant, Role, RoleField, RoleGrant
from crm_core.auth.rights import EPOCH
from crm_core.entity.fields import Option
from crm_core.errors import Forbidden, Invalid
from crm_core.features.roles import queries
from crm_core.features.roles.schemas import RightsChange
from crm_core.i18n import Strings, Text
from crm_core.plugin import hookspecs
from crm_core.plugin.declare import VERBS, Entity
from crm_core.uow import RecordChanged, UnitOfWork

_ = Strings("crm_core")

SCOPE_OPTIONS = (
    Option(value="own", label=_("Own records")),
    Option(value="team", label=_("Records of the team")),
    Option(value="all", label=_("All records")),
)
LEVEL_OPTIONS = (
    Option(value="hidden", label=_("Hidden")),
    Option(value="locked", label=_("Read only")),
)

ROLES: dict[str, tuple[Text, Text, str]] = {
    "admin": (_("Administrator"), _("May do everything."), ""),
    "manager": (_("Manager"), _("Works with the records of the team."), "team"),
    "sales": (_("Sales"), _("Works with the own records."), "own"),
    "support": (_("Support"), _("Reads the records of the team."), "team"),
    "readonly": (_("Read only"), _("Reads all records."), "all"),
}
ROLE_VERBS: dict[str, tuple[str, ...]] = {
    "manager": VERBS,
    "sales": ("read", "create", "edit", "delete", "assign", "export", "bulk_edit"),
    "support": ("read",),
    "readonly": ("read",),
}


class RightsNotYours(Forbidden):
    """Only somebody who may do everything gives a role more than they hold."""


async def validate(uow: UnitOfWork, record: Role, changed: frozenset[str]) -> None:
    """Refuse to make a role mightier than the one who edits it."""
    if {"everything", "grants", "barred", "second_factor"} & changed and not uow.actor.rights.everything:
        raise RightsNotYours(_("Only an administrator changes what a role may do."))


async def set_rights(uow: UnitOfWork, role: Role, change: RightsChange) -> None:
    """Change what a role grants and bars; names of absent plugins stay as they are.

    Invalid for what no loaded plugin declares, RecordChanged when the role is not as it was read.
    """
    if change.version is not None and change.version != role.version:
        raise RecordChanged(_("Somebody else changed this role meanwhile."), version=role.version)
    held = await queries.grants_of(uow, role.id)
    _demand_known(uow, change, held)
    await validate(uow, role, frozenset({"grants"}))
    wanted: dict[str, str] = {f"{e}.{v}": scope for e, verbs in change.entities.items() for v, scope in verbs.items()}
    wanted |= {name: "all" if given else "none" for name, given in change.permissions.items()}
    for name, scope in wanted.items():
        await _grant(uow, role, held.get(name), name, scope)
    barred = await queries.barred_of(uow, role.id)
    for entity, fields in change.fields.items():
        for field, level in fields.items():
            await _bar(uow, role, barred.get((entity, field)), entity, field, level)


def change_of(
    entities: dict[str, dict[str, str]], permissions: dict[str, bool], fields: dict[str, dict[str, str]], version: str
) -> RightsChange:
    """Return the change a form says; Invalid for values that no select offers."""
    given = {"entities": entities, "permissions": permissions, "fields": fields}
    try:
        return msgspec.convert({**given, "version": int(version) if version.isdigit() else None}, RightsChange)
    except msgspec.ValidationError as error:
        raise Invalid(_("Some rights do not exist."), fields={"rights": str(error)}) from error


async def _grant(uow: UnitOfWork, role: Role, held: RoleGrant | None, name: str, scope: str) -> None:
    if scope == "none":
        if held is not None:
            await uow.session.delete(held)
    elif held is None:
        uow.session.add(RoleGrant(role_id=role.id, name=name, scope=scope))
    elif held.scope != scope:
        held.scope = scope


async def _bar(uow: UnitOfWork, role: Role, held: RoleField | None, entity: str, field: str, level: str) -> None:
    if level == "open":
        if held is not None:
            await uow.session.delete(held)
    elif held is None:
        uow.session.add(RoleField(role_id=role.id, entity=entity, field=field, level=level))
    elif held.level != level:
        held.level = level


def _is(held: RoleGrant | None, scope: str) -> bool:
    return held is not None and held.scope == scope


def _demand_known(uow: UnitOfWork, change: RightsChange, held: dict[str, RoleGrant]) -> None:
    errors: dict[str, Text | str] = {}
    rows = {e.name: e for e in queries.grid(uow.registry)}
    for name, verbs in change.entities.items():
        entity = rows.get(name)
        for verb, scope in verbs.items():
            if entity is None or verb not in VERBS:
                errors[f"entities.{name}.{verb}"] = _("There is no such right.")
            elif verb in queries.fixed(entity) and scope != "all":
                errors[f"entities.{name}.{verb}"] = _("Everybody may read these.")
            elif scope not in queries.scopes_of(entity) and not _is(held.get(f"{name}.{verb}"), scope):
                errors[f"entities.{name}.{verb}"] = _("These records have no owner: none or all.")
    permissions = {p.name for p in uow.registry.gather(hookspecs.crm_permissions)}
    errors |= {f"permissions.{n}": _("There is no such right.") for n in change.permissions if n not in permissions}
    for name, fields in change.fields.items():
        found = uow.registry.entities.get(name)
        known = {n for n, _label in queries.fields_of(uow.registry, found)} if found is not None else set()
        errors |= {f"fields.{name}.{n}": _("There is no such field.") for n in fields if n not in known}
    if errors:
        raise Invalid(_("Some rights do not exist."), fields=errors)


async def install_grants(uow: UnitOfWork) -> None:
    """Make the default roles, and grant them entities and permissions not seen before.

    Runs at each start after migrations: a plugin installed later brings its grants along, and what
    people changed since stays as it is.
    """
    known = set((await uow.session.scalars(sa.select(KnownGrant.name))).all())
    new = [name for name in _declared(uow) if name not in known]
    if not new and "core.roles" in known:
        return
    if "core.roles" not in known:
        for key, (name, description, _reach) in ROLES.items():
            words = {"name": name.to(uow.locale), "description": description.to(uow.locale)}
            uow.session.add(Role(key=key, everything=key == "admin", **words))
        new.append("core.roles")
        await uow.session.flush()  # grants below need the ids
    query = sa.select(Role.key, Role.id).where(Role.key.in_(list(ROLES)), Role.deleted_at.is_(None))
    roles: dict[str, UUID] = {key: key_id for key, key_id in (await uow.session.execute(query)).all() if key}
    wanted = [(key, name, scope) for key, name, scope in _grants(uow) if key in roles and _owner(name, new) is not None]
    held = {(r.role_id, r.name) for r in await uow.session.execute(sa.select(RoleGrant.role_id, RoleGrant.name))}
    rows = [
        {"role_id": roles[key], "name": name, "scope": scope}
        for key, name, scope in wanted
        if (roles[key], name) not in held
    ]
    # Plain inserts: thousands of grants at a first start are no news about a role.
    if rows:
        await uow.session.execute(sa.insert(RoleGrant), rows)
    await uow.session.execute(sa.insert(KnownGrant), [{"name": n} for n in new])
    await uow.raise_epoch(EPOCH)


def _declared(uow: UnitOfWork) -> list[str]:
    permissions = [p.name for p in uow.registry.gather(hookspecs.crm_permissions)]
    return [*uow.registry.entities, *permissions]


def _owner(name: str, new: list[str]) -> str | None:
    """Return the entity or permission a grant belongs to, if it is a new one."""
    return next((n for n in (name, name.rpartition(".")[0]) if n in new), None)


def _grants(uow: UnitOfWork) -> Iterator[tuple[str, str, str]]:
    for entity in uow.registry.entities.values():
        for key, reach in _reaches(entity).items():
            scope, _colon, verbs = reach.partition(":")
            Scope(scope)  # a plugin's misspelling is named at its first start
            for verb in verbs.split(",") if verbs else ROLE_VERBS.get(key, VERBS):
                yield key, f"{entity.name}.{verb.strip()}", scope
    for permission in uow.registry.gather(hookspecs.crm_permissions):
        for key in permission.roles:
            yield key, permission.name, "all"


def _reaches(entity: Entity) -> dict[str, str]:
    """Return role -> reach ("team", "team:read,create"); entities may say otherwise than the roles do."""
    if entity.parent:
        return {}
    usual = (
        {}
        if entity.protected or entity.public_read
        else {key: reach for key, (_n, _d, reach) in ROLES.items() if reach}
    )
    return {**usual, **entity.roles}
