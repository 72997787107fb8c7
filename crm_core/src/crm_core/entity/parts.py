"""What a record consists of beside its row: children, tags and links. Their changes are the record's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.db.model import metadata
from crm_core.entity import fields as f
from crm_core.entity import money, tags
from crm_core.entity.changes import touch
from crm_core.entity.clean import BadValue, clean
from crm_core.entity.inserts import insert, insert_part
from crm_core.i18n import Strings
from crm_core.plugin.declare import Child, Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
MOST = 200  # children of one kind on one record


def clean_children(child: Child, rows: Any) -> list[dict[str, Any]]:
    """Return rows of one kind of children, cleaned; empty rows are left out. BadValue names the first fault."""
    if rows is None:
        return []
    if not isinstance(rows, list) or len(rows) > MOST:
        raise BadValue(_("This must be a list of at most {count}.", count=MOST))
    return [values for row in rows if (values := _clean_child(child, row)) is not None]


def _clean_child(child: Child, row: Any) -> dict[str, Any] | None:
    if not isinstance(row, dict):
        raise BadValue(_("This must be a list of objects."))
    known = {x.name: x for x in child.fields}
    if unknown := set(row) - set(known) - {"id"}:
        raise BadValue(_("Unknown key: {key}.", key=min(unknown)))
    values = {k: clean(known[k], v) for k, v in row.items() if k != "id"}
    told = [v for k, v in values.items() if known[k].required] or list(values.values())
    if all(v in (None, "") for v in told):
        return None
    for field in child.fields:
        if field.required and values.get(field.name) is None:
            raise BadValue(_("{label} is required.", label=field.label))
        if field.name not in values and field.default is not None:
            values[field.name] = field.default
        if isinstance(field, f.AnyLink) and field.name in values:
            ref = values.pop(field.name)
            values |= dict(zip(field.columns, (ref.entity, ref.id) if ref else (None, None), strict=True))
    if row.get("id"):
        values["id"] = clean(f.Link("id", child.label), row["id"])
    return values


async def create(uow: UnitOfWork, entity: Entity, record: Any, rest: dict[str, Any]) -> None:
    """Add the parts of a new record."""
    changes = uow.demand_write()
    told: dict[str, Any] = {}
    for child in entity.children:
        for position, row in enumerate(rest.get(child.name, ())):
            row.pop("id", None)
            part = insert_part(uow, child.model, _values(child, record, row, position))
            told[f"{child.name}.{part['id']}"] = {n: part[n] for x in child.fields for n in x.columns}
    if told:
        changes.note(entity, record.id, "created", {}, told, record)
    for field in entity.fields:
        if rest.get(field.name):
            await _set(uow, entity, record, field, rest[field.name], [])
    await _extensions(uow, entity, record, rest, new=True)


def _values(child: Child, record: Any, row: dict[str, Any], position: int) -> dict[str, Any]:
    return {**row, child.foreign_key: record.id, **({"position": position} if child.ordered else {})}


async def update(uow: UnitOfWork, entity: Entity, record: Any, rest: dict[str, Any]) -> None:
    """Make the parts of a record equal to what is given; parts not named stay."""
    for child in entity.children:
        if child.name in rest:
            await _children(uow, entity, record, child, rest[child.name])
    for field in entity.fields:
        if field.kind in ("tags", "links") and field.name in rest:
            before = await current(uow, entity, record, field)
            if sorted(map(str, before)) != sorted(map(str, rest[field.name])):
                await _set(uow, entity, record, field, rest[field.name], before)
    await _extensions(uow, entity, record, rest, new=False)


async def _extensions(uow: UnitOfWork, entity: Entity, record: Any, rest: dict[str, Any], *, new: bool) -> None:
    """Write other plugins' fields to their side tables; the change is the record's."""
    changes = uow.demand_write()
    by_table: dict[Any, dict[str, Any]] = {}
    amounts: list[Any] = []
    for extension in uow.registry.extensions.get(entity.name, ()):
        given = {c: rest[c] for c in extension.field.columns if c in rest}
        if given and extension.model is not None:  # fields of one plugin share a row
            by_table.setdefault(extension.model, {}).update(given)
            amounts += [extension] if isinstance(extension.field, f.Money) else []
    for model, given in by_table.items():
        row = None if new else await uow.session.get(model, record.id)
        for field in (x.field for x in amounts if x.model is model):
            held = {c: given.get(c, getattr(row, c, None)) for c in field.columns}
            given |= {c: v for c, v in (await money.valued(uow, field, held)).items() if hasattr(model, c)}
        before = {c: getattr(row, c) if row is not None else None for c in given}
        given = {c: v for c, v in given.items() if v != before[c]}
        before = {c: before[c] for c in given}
        if not given:
            continue
        if row is None:
            insert(uow, model(record_id=record.id, **given))
        else:
            for name, value in given.items():
                setattr(row, name, value)
        changes.note(entity, record.id, "updated", before, given, record)
        touch(record, uow.now)


async def _children(uow: UnitOfWork, entity: Entity, record: Any, child: Child, rows: list[dict[str, Any]]) -> None:
    key = getattr(child.model, child.foreign_key)
    old = {p.id: p for p in await uow.session.scalars(sa.select(child.model).where(key == record.id))}
    for position, row in enumerate(rows):
        part = old.pop(row.pop("id", None), None)
        if part is None:
            uow.session.add(child.model(**_values(child, record, row, position)))
            continue
        for name, value in row.items():
            if getattr(part, name) != value:
                setattr(part, name, value)
        if child.ordered and part.position != position:
            part.position = position
    for part in old.values():
        await uow.session.delete(part)


async def current(uow: UnitOfWork, entity: Entity, record: Any, field: f.Field) -> list[Any]:
    """Return the tag names or linked ids a record has now."""
    if isinstance(field, f.Links):
        table = metadata.tables[field.table]
        found = await uow.session.scalars(sa.select(table.c[field.item]).where(table.c[field.owner] == record.id))
        return list(found)
    return await tags.names(uow, entity, record.id)


async def _set(
    uow: UnitOfWork, entity: Entity, record: Any, field: f.Field, after: list[Any], before: list[Any]
) -> None:
    changes = uow.demand_write()
    if isinstance(field, f.Links):
        await _link(uow, record, field, after, before)
    else:
        await tags.put(uow, entity, record.id, after)
    changes.note(entity, record.id, "updated", {field.name: before}, {field.name: after}, record)
    touch(record, uow.now)


async def _link(uow: UnitOfWork, record: Any, field: f.Links, after: list[Any], before: list[Any]) -> None:
    from crm_core.entity.inserts import send

    await send(uow)  # the record's own row must exist before its associations
    table = metadata.tables[field.table]
    if gone := set(before) - set(after):
        await uow.session.execute(
            sa.delete(table).where(table.c[field.owner] == record.id, table.c[field.item].in_(gone))
        )
    if new := [i for i in after if i not in set(before)]:
        await uow.session.execute(sa.insert(table), [{field.owner: record.id, field.item: i} for i in new])
