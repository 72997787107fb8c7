"""Links on their way in: nobody sets a link to what they may not read, or learns by trying that it is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.actor import ActorKind, Scope
from crm_core.entity import access, parts
from crm_core.entity import fields as f
from crm_core.entity.clean import BadValue
from crm_core.entity.custom_fields import PREFIX
from crm_core.entity.inserts import send
from crm_core.errors import Invalid
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import Child, Entity
from crm_core.plugin.registry import Registry
from crm_core.uploads import demand_fits

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
FILE = "core.file"


async def demand(uow: UnitOfWork, entity: Entity, given: Mapping[str, Any], record: Any = None) -> None:
    """Refuse new links of `given` (columns and parts) to records that the actor may not read; held ones stay.

    Invalid names the fields; it reads alike for what is hidden and what is not there.
    """
    if uow.actor.kind is ActorKind.system:
        return
    errors: dict[str, Text | str] = {}
    for part in _linking(uow.registry, entity):
        pairs = set(_pairs(part, given))
        try:
            for target in {name for name, _id in pairs}:
                wanted = {key for name, key in pairs if name == target}
                await _demand(uow, entity, part, target, wanted, record)
        except BadValue as bad:
            errors[part.name] = bad.text
    if errors:
        raise Invalid(_("Some values are not acceptable."), fields=errors)


@lru_cache(maxsize=256)
def _linking(registry: Registry, entity: Entity) -> tuple[f.Field | Child, ...]:
    """Return the fields and kinds of children that hold links; custom fields ask for themselves."""

    def links(field: f.Field) -> bool:
        return isinstance(field, f.AnyLink | f.Links | f.Link | f.File) and not field.name.startswith(PREFIX)

    fields = [x for x in registry.fields(entity) if links(x)]
    return (*fields, *(c for c in entity.children if any(links(x) for x in c.fields)))


async def demand_file(uow: UnitOfWork, field: f.File, ids: Iterable[UUID]) -> None:
    """Raise BadValue for files that the actor may not read, or that this field does not take."""
    target = uow.registry.entities.get(FILE)
    if target is None:
        return
    await send(uow)  # a file that this form has just stored
    table, ids = access.table_of(target), set(ids)
    seen = access.rows(uow.registry, uow.actor, target, "read")
    columns = (table.c.id, table.c.name, table.c.size, table.c.media_type)
    found = (await uow.session.execute(sa.select(*columns).where(table.c.id.in_(ids), seen))).all()
    if ids - {row.id for row in found}:
        raise BadValue(_("There is no such record."))
    for row in found:
        demand_fits(field, row.name, row.size, row.media_type)


async def unseen(uow: UnitOfWork, target: Entity, ids: set[UUID]) -> set[UUID]:
    """Return those ids that lead to no record the actor may read."""
    await send(uow)  # one of this transaction has to be there to be asked for
    table = access.table_of(target)
    seen = access.rows(uow.registry, uow.actor, target, "read")
    return ids - set(await uow.session.scalars(sa.select(table.c.id).where(table.c.id.in_(ids), seen)))


def _pairs(part: f.Field | Child, given: Mapping[str, Any]) -> Iterator[tuple[str, UUID]]:
    """Yield (entity, id) of every link that is given for a field or for one kind of children."""
    if isinstance(part, Child):
        yield from (pair for row in given.get(part.name) or () for x in part.fields for pair in _pairs(x, row))
    elif isinstance(part, f.AnyLink):
        if given.get(f"{part.name}_id") is not None:
            yield given[f"{part.name}_entity"], given[f"{part.name}_id"]
    elif isinstance(part, f.Links):
        yield from ((part.target, key) for key in given.get(part.name) or ())
    elif isinstance(part, f.Link | f.File) and given.get(part.name) is not None:
        yield (FILE if isinstance(part, f.File) else part.target), given[part.name]


async def _demand(
    uow: UnitOfWork, entity: Entity, part: f.Field | Child, name: str, wanted: set[UUID], record: Any
) -> None:
    target = uow.registry.entities.get(name)
    if target is None or (not isinstance(part, f.File) and _sees_all(uow, target)):
        return  # what is not there at all the database refuses
    if record is not None:
        wanted = wanted - {key for _name, key in await _held(uow, entity, part, record)}
    if wanted and isinstance(part, f.File):
        await demand_file(uow, part, wanted)
    elif wanted and await unseen(uow, target, wanted):
        raise BadValue(_("There is no such record."))


def _sees_all(uow: UnitOfWork, target: Entity) -> bool:
    if target.never_visible is not None or uow.actor.on_behalf_of is not None:
        return False
    return access.scope_of(uow.registry, uow.actor, target, "read") is Scope.all


async def _held(uow: UnitOfWork, entity: Entity, part: f.Field | Child, record: Any) -> set[tuple[str, UUID]]:
    """Return the links that the record holds now."""
    if isinstance(part, Child):
        key = getattr(part.model, part.foreign_key)
        lines = (await uow.session.scalars(sa.select(part.model).where(key == record.id))).all()
        return {pair for line in lines for x in part.fields for pair in _pairs(x, line.__dict__)}
    if isinstance(part, f.Links):
        return {(part.target, key) for key in await parts.current(uow, entity, record, part)}
    holder = record
    if not hasattr(type(record), part.name) and not isinstance(part, f.AnyLink):  # a field of another plugin
        beside = next((e.model for e in uow.registry.extensions.get(entity.name, ()) if e.field is part), None)
        holder = await uow.session.get(beside, record.id) if beside is not None else None
    values = {c: getattr(holder, c, None) for c in part.columns} if holder is not None else {}
    return set(_pairs(part, values))
