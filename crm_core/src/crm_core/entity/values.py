"""Values of records for API and pages: columns, children, tags, links, labels, each as far as the actor may read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.db.model import metadata
from crm_core.db.types import Id
from crm_core.entity import access, columns, outputs, paths
from crm_core.entity import fields as f
from crm_core.entity.custom_fields import CUSTOM, PREFIX, hidden_keys
from crm_core.entity.filter_values import padded
from crm_core.entity.statements import parameter, prepared
from crm_core.plugin.declare import Child, Entity, Ref

if TYPE_CHECKING:
    from crm_core.entity.outputs import Output
    from crm_core.uow import UnitOfWork


def _given(ids: Sequence[UUID]) -> dict[str, Any]:
    return {f"id{i}": v for i, v in enumerate(padded(list(ids)))}


def _among(column: Any, size: int) -> Any:
    return column.in_([parameter(f"id{i}", Id()) for i in range(size)])


async def parts_of(uow: UnitOfWork, entity: Entity, name: str, ids: Sequence[UUID]) -> dict[UUID, list[Any]]:
    """Return the children, tag names or linked ids of records, by record id; records without any are missing."""
    if not ids:
        return {}
    given = _given(ids)
    size = len(given)
    if (found_child := _child(entity, name)) is not None:
        return await _children(uow, entity, *found_child, given)
    field = next(x for x in uow.registry.fields(entity) if x.name == name)
    target = _target(uow, entity, field)
    allowed = access.shape(uow.registry, uow.actor, entity)
    rights = allowed if target is entity else access.shape(uow.registry, uow.actor, target)
    query = prepared(uow, ("part", entity.name, name, size, rights, allowed), lambda: _part(uow, entity, field, size))
    found: dict[UUID, list[Any]] = {}
    for owner, value in await query.fetch(uow, {**given, **access.parameters(uow.actor)}):
        found.setdefault(owner, []).append(value)
    return found


def _target(uow: UnitOfWork, entity: Entity, field: f.Field) -> Entity:
    return uow.registry.entities.get(getattr(field, "target", ""), entity)


def _part(uow: UnitOfWork, entity: Entity, field: f.Field, size: int) -> sa.Select[Any]:
    if isinstance(field, f.Links):
        pairs, target = entity.model.metadata.tables[field.table], uow.registry.entities[field.target]
        far = access.table_of(target).alias()
        owner, item = pairs.c[field.owner], pairs.c[field.item]
        visible = access.rows(uow.registry, uow.actor, target, "read", far)
        statement = sa.select(owner, item).join(far, far.c.id == item).where(_among(owner, size), visible)
        return _readable_part(uow, entity, field, statement.order_by(owner, item), owner)
    tagging, tag = metadata.tables["core_tagging"], metadata.tables["core_tag"]
    statement = (
        sa.select(tagging.c.record_id, tag.c.name)
        .join(tag, tag.c.id == tagging.c.tag_id)
        .where(tagging.c.entity == entity.name, _among(tagging.c.record_id, size))
        .order_by(tag.c.name_f)
    )
    return _readable_part(uow, entity, field, statement, tagging.c.record_id)


def _readable_part(
    uow: UnitOfWork, entity: Entity, field: f.Field, statement: sa.Select[Any], owner: Any
) -> sa.Select[Any]:
    if field.readable is None:
        return statement
    at = access.table_of(entity).alias()
    may = access.adapted(entity, field.readable(uow.actor), at)
    return statement.where(sa.exists().where(at.c.id == owner, may))


@lru_cache(maxsize=512)
def _child(entity: Entity, name: str) -> tuple[Child, tuple[str, ...]] | None:
    """Return the kind of children of this name with their API keys, if it is one."""
    child = next((c for c in entity.children if c.name == name), None)
    if child is None:
        return None
    return child, ("id", *(n for x in child.fields for n in outputs.keys(paths.Value(child, x, x.name))))


async def _children(
    uow: UnitOfWork, entity: Entity, child: Child, names: tuple[str, ...], given: dict[str, Any]
) -> dict[UUID, list[dict[str, Any]]]:
    def make() -> sa.Select[Any]:
        table = child.model.__table__
        owner = table.c[columns.key_of(child.model, child.foreign_key)]
        shown = [c for x in child.fields for c in _child_columns(child, x, table)]
        order = [table.c.position, table.c.id] if child.ordered else [table.c.id]
        return sa.select(owner, table.c.id, *shown).where(_among(owner, len(given))).order_by(owner, *order)

    found: dict[UUID, list[dict[str, Any]]] = {}
    for owner, *row in await prepared(uow, ("child", entity.name, child.name, len(given)), make).fetch(uow, given):
        found.setdefault(owner, []).append(dict(zip(names, row, strict=True)))
    return found


def _child_columns(child: Child, field: f.Field, table: Any) -> list[Any]:
    if isinstance(field, f.AnyLink):
        pair = [table.c[columns.key_of(child.model, c)] for c in field.columns]
        return [outputs.reference_text(*pair).label(field.name)]
    value = paths.Value(child, field, field.name)
    return [table.c[columns.key_of(child.model, n)] for n in outputs.keys(value)]


async def expanded(uow: UnitOfWork, output: Output, name: str, rows: Sequence[Sequence[Any]]) -> dict[UUID, Any]:
    """Return, by record id, the record a link leads to, as a struct of its plain fields; hidden ones are missing."""
    place, target = output.links[name]
    wanted = {row[1]: row[2 + place] for row in rows if row[2 + place] is not None}
    ids = list(dict.fromkeys(wanted.values()))
    if not ids:
        return {}
    far = outputs.output_of(uow, target)
    given = _given(ids)

    def make() -> sa.Select[Any]:
        table = access.table_of(target)
        visible = access.rows(uow.registry, uow.actor, target, "read")
        return sa.select(*far.columns(uow)).where(_among(table.c.id, len(given)), visible)

    key = ("expand", far.key, len(given), access.shape(uow.registry, uow.actor, target))
    found = await prepared(uow, key, make).fetch(uow, {**given, **access.parameters(uow.actor)})
    by = {row[0]: far.struct(*row) for row in found}
    return {record: by[i] for record, i in wanted.items() if i in by}


async def labels(uow: UnitOfWork, refs: Iterable[Ref], *, deleted: bool | None = None) -> dict[Ref, str]:
    """Return the titles of records of any entities, trash included; those the actor may not read are missing."""
    groups: dict[str, set[UUID]] = {}
    for ref in refs:
        groups.setdefault(ref.entity, set()).add(ref.id)
    found: dict[Ref, str] = {}
    for name, ids in groups.items():
        entity = uow.registry.entities.get(name)
        if entity is None or not uow.actor.may_see(name, entity.title):
            continue
        for key, title in await _titles(uow, entity, sorted(ids), deleted=deleted):
            found[Ref(name, key)] = title or ""
    return found


async def _titles(uow: UnitOfWork, entity: Entity, ids: Sequence[UUID], *, deleted: bool | None) -> Sequence[Any]:
    given = _given(ids)

    def make() -> sa.Select[Any]:
        table = access.table_of(entity)
        value = paths.names(uow.registry, entity.name).values[entity.title]
        title = access.readable(uow.registry, uow.actor, entity, value.field, columns.raw(value, table))
        visible = access.rows(uow.registry, uow.actor, entity, "read", deleted=deleted)
        return sa.select(table.c.id, title).where(_among(table.c.id, len(given)), visible)

    key = ("titles", entity.name, len(given), deleted, access.shape(uow.registry, uow.actor, entity))
    return await prepared(uow, key, make).fetch(uow, {**given, **access.parameters(uow.actor)})


async def values_of(uow: UnitOfWork, entity: Entity, records: Sequence[Any]) -> list[dict[str, Any]]:
    """Return all API values of whole records, in order; fields barred by a role are missing, barred rows None."""
    fields = [x for x in uow.registry.fields(entity) if uow.actor.may_see(entity.name, x.name)]
    extended = {e.field.name for e in uow.registry.extensions.get(entity.name, ())}
    custom = [x for x in fields if x.name.startswith(PREFIX)]
    fields = [x for x in fields if not x.name.startswith(PREFIX)]
    asked = tuple(
        x.name for x in fields if x.kind not in ("tags", "links") and (x.readable is not None or x.name in extended)
    )
    ids = [r.id for r in records]
    beside = await _columns_by_id(uow, entity, asked, ids) if asked and ids else {}
    names = [x.name for x in fields if x.kind in ("tags", "links")]
    names += [c.name for c in entity.children if uow.actor.may_see(entity.name, c.name)]
    parts = {name: await parts_of(uow, entity, name, ids) for name in names}
    found = [_value_of(r, fields, asked, beside.get(r.id, {}), parts) for r in records]
    keys = {c[len(PREFIX) :] for x in custom for c in (x.columns or (x.name,))}
    barred = set(hidden_keys(uow.registry, entity, frozenset(x.name for x in custom))) - keys
    for values in found:
        values[CUSTOM] = {k: v for k, v in values[CUSTOM].items() if k not in barred}
    return found


def _value_of(
    record: Any, fields: list[f.Field], asked: tuple[str, ...], beside: dict[str, Any], parts: dict[str, Any]
) -> dict[str, Any]:
    found = {n: getattr(record, n) for n in ("id", "version", "created_at", "updated_at")}
    for field in fields:
        if field.name in asked or field.name in parts:
            continue
        if isinstance(field, f.AnyLink):
            entity, key = (getattr(record, c) for c in field.columns)
            found[field.name] = f"{entity}:{key}" if key is not None else None
        else:
            found |= {c: getattr(record, c) for c in field.columns}
    found |= beside
    found |= {name: by.get(record.id, []) for name, by in parts.items()}
    found["custom"] = record.custom
    return found


async def _columns_by_id(
    uow: UnitOfWork, entity: Entity, names: tuple[str, ...], ids: Sequence[UUID]
) -> dict[UUID, dict[str, Any]]:
    output = outputs.output_of(uow, entity, names)
    given = _given(ids)

    def make() -> sa.Select[Any]:
        table = access.table_of(entity)
        return sa.select(*output.columns(uow)).where(_among(table.c.id, len(given)))

    key = ("values", output.key, len(given), access.shape(uow.registry, uow.actor, entity))
    rows = await prepared(uow, key, make).fetch(uow, {**given, **access.parameters(uow.actor)})
    fields = output.struct.__struct_fields__
    return {row[0]: dict(zip(fields[2:], row[2:], strict=True)) for row in rows}
