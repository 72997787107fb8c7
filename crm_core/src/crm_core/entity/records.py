"""Creating, changing, trashing and restoring records of any entity: the one way for API, pages, rules and code."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.actor import Scope, narrower
from crm_core.auth.people import TeamMember
from crm_core.entity import access, custom_values, links, meanwhile, money, parts
from crm_core.entity import fields as f
from crm_core.entity.changes import touch
from crm_core.entity.clean import BadValue, clean, currency, zone
from crm_core.entity.custom_fields import PREFIX
from crm_core.entity.inserts import insert, send
from crm_core.entity.plans import Plan, plan_of
from crm_core.errors import Forbidden, Invalid
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import Entity, Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
OWNING = ("owner_id", "team_id")  # who changes these gives the record to somebody: the verb "assign"


async def create(uow: UnitOfWork, entity: Entity, values: Mapping[str, Any], *, trusted: bool = False) -> Any:
    """Create a record from API keys and return it.

    `trusted` code may set readonly fields. Raises Forbidden without the right to create, Invalid with
    a text per field.
    """
    if not trusted:
        demand(uow, entity, "create")
    given = custom_values.named(values)
    given = await entity.defaults(uow, given) if entity.defaults else given
    columns, rest = take(uow, entity, given, trusted=trusted)
    plan = plan_of(uow.registry, entity)
    others = {c for e in plan.beside for c in e.field.columns}
    for name, default in plan.defaults:
        where = rest if name in others else columns
        if name not in where:
            where[name] = default() if callable(default) else default
    _required(plan, {**rest, **columns}, {n for n, _column in plan.required})
    columns = {k: v for k, v in columns.items() if k not in rest}
    if not trusted:
        await links.demand(uow, entity, {k: v for k, v in {**columns, **rest}.items() if _given(entity, k, values)})
    await custom_values.settle(uow, entity, columns)
    await _own(uow, entity, columns, "create", trusted=trusted)
    own, custom = custom_values.apart(columns)
    record = entity.model(**own, custom={k: v for k, v in custom.items() if v is not None})
    await money.fill(uow, entity, record)
    if entity.validate:  # before the insert: what it derives is part of the created row
        await entity.validate(uow, record, frozenset(given))
    insert(uow, record, entity)
    await parts.create(uow, entity, record, rest)
    return record


async def update(
    uow: UnitOfWork, entity: Entity, record: Any, values: Mapping[str, Any], *, version: int | None = None,
    trusted: bool = False,
) -> Any:  # fmt: skip
    """Change a record that the caller got with the right to edit it, and return it.

    version: what the caller read. Fields that somebody else changed since then raise RecordChanged with
    both values; changes to different fields merge.
    """
    columns, rest = take(uow, entity, custom_values.named(values), trusted=trusted)
    _required(plan_of(uow.registry, entity), {**columns, **rest}, columns.keys() | rest.keys())
    if version is not None:
        await meanwhile.lock(uow, record)
    await custom_values.settle(uow, entity, columns, record)
    changed = {k: v for k, v in columns.items() if custom_values.current(record, k) != v}
    if version is not None and version != record.version:
        await meanwhile.settle(uow, entity, record, version, changed, rest)
    if not trusted:
        await links.demand(uow, entity, {**changed, **rest}, record)
    if not trusted and not changed.keys().isdisjoint(OWNING):
        await _demand_assign(uow, entity, record, changed)
    if "owner_id" in changed:
        await _own(uow, entity, changed, "assign", trusted=trusted)
    stage = next((x for x in entity.fields if isinstance(x, f.Stage) and x.name in changed), None)
    moved = changed.pop(stage.name) if stage and record.__dict__.get(stage.name) is not None else None
    own, custom = custom_values.apart(changed)
    for name, value in own.items():
        setattr(record, name, value)
    for name, value in custom.items():
        set_field(record, name, value)
    if changed:
        await money.fill(uow, entity, record, frozenset(changed))
    await parts.update(uow, entity, record, rest)
    if moved is not None:
        from crm_core.entity.stages import move_stage

        await move_stage(uow, record, moved)
    if entity.validate:
        await entity.validate(uow, record, frozenset(changed) | frozenset(rest))
    return record


async def delete(uow: UnitOfWork, entity: Entity, record: Any) -> None:
    """Move a record, got with the right to delete it, to the trash."""
    uow.demand_write()
    record.deleted_at, record.deleted_by = uow.now, uow.actor.user_id
    touch(record, uow.now)


async def restore(uow: UnitOfWork, entity: Entity, record: Any) -> None:
    """Take a record out of the trash; ValueTaken at the commit if a unique value was given away."""
    uow.demand_write()
    record.deleted_at = record.deleted_by = None
    touch(record, uow.now)


def set_field(record: Any, name: str, value: Any) -> None:
    """Set one custom field by its key to a JSON value; the dict is replaced, so that the event knows what was."""
    record.custom = (
        {**record.custom, name: value} if value is not None else {k: v for k, v in record.custom.items() if k != name}
    )


def demand(uow: UnitOfWork, entity: Entity, verb: str) -> None:
    """Raise Forbidden when the actor lacks a verb on every row of an entity."""
    if access.scope_of(uow.registry, uow.actor, entity, verb) is Scope.none:
        raise Forbidden(_("You may not do this with {plural}.", plural=entity.plural))
    if verb == "bulk_edit":  # hundreds of rows may take over a second; only a stall between statements counts
        uow.session.sync_session.info["hold"].patient = True


def parent_of(uow: UnitOfWork, entity: Entity) -> Entity:
    """Return the entity whose rights count: the parent of a child entity, else itself."""
    if not entity.parent:
        return entity
    link = entity.field(entity.parent)
    return uow.registry.entity(link.target) if isinstance(link, f.Link) else entity


def take(
    uow: UnitOfWork, entity: Entity, values: Mapping[str, Any], *, trusted: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (columns of the model, parts kept elsewhere) from API keys; Invalid names every bad key."""
    columns: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    errors: dict[str, Text | str] = {}
    plan = plan_of(uow.registry, entity)
    for key, value in values.items():
        try:
            if key in plan.children and (trusted or uow.actor.may_set(entity.name, key)):
                rest[key] = parts.clean_children(plan.children[key], value)
                continue
            field = plan.keys.get(key)
            if field is None or (not trusted and not _may_set(uow, entity, field, key)):
                raise BadValue(_("This field does not exist or cannot be set."))
            _one(field, key, value, columns if field.name in plan.own else rest, rest)
        except BadValue as error:
            errors[key] = error.text
    for key in [k for k, v in columns.items() if v is None and k in plan.never_null]:
        columns[key] = plan.never_null[key]
        if columns[key] is None and not trusted:
            errors[key] = _("This is required.")
    if errors:
        raise Invalid(_("Some values are not acceptable."), fields=errors)
    return columns, rest


def _given(entity: Entity, key: str, values: Mapping[str, Any]) -> bool:
    """Return whether the caller gave what became this column; defaults are the code's own."""
    return key in values or any(x.kind == "any_link" and key in x.columns and x.name in values for x in entity.fields)


def _may_set(uow: UnitOfWork, entity: Entity, field: f.Field, key: str) -> bool:
    if field.readonly or field.hidden or (field.kind == "money" and key not in (field.name, f"{field.name}_currency")):
        return False
    return uow.actor.may_set(entity.name, field.name)


def _one(field: f.Field, key: str, value: Any, columns: dict[str, Any], rest: dict[str, Any]) -> None:
    if field.kind == "any_link":
        ref: Ref | None = clean(field, value)
        columns[f"{field.name}_entity"] = ref.entity if ref else None
        columns[f"{field.name}_id"] = ref.id if ref else None
    elif field.kind in ("tags", "links") and not field.name.startswith(PREFIX):
        rest[key] = clean(field, value)
    elif isinstance(field, f.Money) and key == f"{field.name}_currency":
        columns[key] = currency(value)
    elif isinstance(field, f.Appointment) and key == field.zone_column:
        columns[key] = zone(value)
    elif field.name.startswith(PREFIX):
        columns[key] = custom_values.plain(field, clean(field, value))
    else:
        columns[key] = clean(field, value)


def _required(plan: Plan, values: Mapping[str, Any], names: Set[str]) -> None:
    missing: dict[str, Text | str] = {
        name: _("This is required.")
        for name, column in plan.required
        if name in names and values.get(column) in (None, "", [])
    }
    if missing:
        raise Invalid(_("Some values are missing."), fields=missing)


async def _demand_assign(uow: UnitOfWork, entity: Entity, record: Any, changed: Mapping[str, Any]) -> None:
    """Refuse to give away a record beyond the reach of the right to assign, or to a team beyond it."""
    demand(uow, entity, "assign")
    scope = access.scope_of(uow.registry, uow.actor, entity, "assign")
    if scope is Scope.all:
        return
    await send(uow)  # a record of this transaction has to be there to be asked for
    await access.get(uow, entity, record.id, "assign")
    team = changed.get("team_id")
    if "owner_id" not in changed and (scope is Scope.own or team not in uow.actor.team_ids):
        raise Forbidden(_("You may not give a record to this team."))


async def _own(uow: UnitOfWork, entity: Entity, columns: dict[str, Any], verb: str, *, trusted: bool) -> None:
    """Fill owner and team; the reach of assigning, and of creating for a new record, bounds who the owner may be."""
    if entity.field("owner_id") is None:
        return
    owner: UUID | None = columns.setdefault("owner_id", uow.actor.user_id)
    if owner == uow.actor.user_id and uow.actor.team_id is not None:
        columns["team_id"] = uow.actor.team_id
        return
    team = None
    known = uow.session.sync_session.info.get("teams", {})  # an import looks all owners up at once
    if owner is not None:
        team = known.get(owner) or await uow.session.scalar(
            sa.select(TeamMember.team_id).where(TeamMember.user_id == owner, TeamMember.is_primary)
        )
    columns["team_id"] = team
    if trusted:
        return
    scope = access.scope_of(uow.registry, uow.actor, entity, "assign")
    if verb == "create":
        scope = narrower(scope, access.scope_of(uow.registry, uow.actor, entity, "create"))
    if owner != uow.actor.user_id and not access.within(uow.actor, scope, owner, team):
        raise Forbidden(_("You may not give a record to this person."))
