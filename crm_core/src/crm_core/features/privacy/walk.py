"""What belongs to a person: found through declarations, so that plugins' records are found too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.db.model import metadata
from crm_core.db.types import Json
from crm_core.entity import fields as f
from crm_core.plugin.declare import Child, Entity, Ref
from crm_core.plugin.registry import Registry

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

MOST = 100_000
CODE = 16
"""Columns of this length hold codes, not words."""
TEXTS = ("text", "long_text", "rich_text", "email", "phone", "url")

Rows = dict[str, list[UUID]]
"""Ids by entity name."""


def people(registry: Registry) -> list[Entity]:
    """Return the entities that describe one person outside: those with a personal e-mail address, users aside."""
    return [e for e in registry.entities.values() if e.name != "core.user" and e.model and _describes(registry, e)]


def _describes(registry: Registry, entity: Entity) -> bool:
    own = [*registry.fields(entity), *(x for c in entity.children for x in c.fields)]
    return any(x.personal and isinstance(x, f.Email) for x in own) and any(
        (x.personal and x.name == entity.title) or (x.personal and x.name in ("last_name", "name"))
        for x in entity.fields
    )


async def belongings(uow: UnitOfWork, ref: Ref) -> Rows:
    """Return the person's record, what was merged into it, and the records that hang on them."""
    entity = uow.registry.entities[ref.entity]
    found: Rows = {entity.name: await _merged(uow, entity, [ref.id])}
    for other in uow.registry.entities.values():
        for field in other.fields:
            if isinstance(field, f.AnyLink):
                ids = await _hanging(uow, other, field, entity.name, found[entity.name])
            elif isinstance(field, f.Link) and field.target == entity.name and field.on_erase == "delete":
                ids = await _ids(uow, other, table_of(other).c[field.name].in_(found[entity.name]))
            else:
                continue
            if ids and other.name != entity.name:
                found[other.name] = list(dict.fromkeys([*found.get(other.name, []), *ids]))
    return found


async def _merged(uow: UnitOfWork, entity: Entity, ids: list[UUID]) -> list[UUID]:
    known = list(ids)
    while ids:
        ids = [i for i in await _ids(uow, entity, table_of(entity).c.merged_into.in_(ids)) if i not in known]
        known += ids
    return known


async def _hanging(uow: UnitOfWork, other: Entity, field: f.AnyLink, name: str, ids: Iterable[UUID]) -> list[UUID]:
    table, (kind, key) = table_of(other), field.columns
    return await _ids(uow, other, sa.and_(table.c[kind] == name, table.c[key].in_(list(ids))))


async def _ids(uow: UnitOfWork, entity: Entity, where: Any) -> list[UUID]:
    return list(await uow.session.scalars(sa.select(table_of(entity).c.id).where(where).limit(MOST)))


def table_of(entity: Entity | Child) -> sa.Table:
    """Return the table of an entity or of its parts."""
    table: sa.Table = entity.model.__table__
    return table


async def own_words(uow: UnitOfWork, rows: Rows) -> list[str]:
    """Return the person's addresses, numbers and full names: words that mean nobody else, searched for everywhere."""
    found: dict[str, None] = {}
    for name in rows:
        entity = uow.registry.entities[name]
        if entity not in people(uow.registry):
            continue
        records = (
            await uow.session.execute(sa.select(table_of(entity)).where(table_of(entity).c.id.in_(rows[name])))
        ).mappings()
        for record in records:
            names = [record.get("first_name"), record.get("last_name")]
            found |= dict.fromkeys([" ".join(n for n in names if n), " ".join(n for n in reversed(names) if n)])
            found |= dict.fromkeys(
                v for x in entity.fields if isinstance(x, f.Email | f.Phone) and (v := record.get(x.name))
            )
        for child in entity.children:
            for part in await _parts(uow, child, rows[name]):
                found |= dict.fromkeys(
                    v for x in child.fields if isinstance(x, f.Email | f.Phone) and (v := part.get(x.name))
                )
    return [w for w in found if distinct(w)]


async def _parts(uow: UnitOfWork, child: Child, ids: list[UUID]) -> list[Any]:
    table = table_of(child)
    return list((await uow.session.execute(sa.select(table).where(table.c[child.foreign_key].in_(ids)))).mappings())


def distinct(word: str) -> bool:
    """Return whether a word is the person's alone: an address, a number of seven digits, a name of two words."""
    digits = sum(c.isdigit() for c in word)
    return len(word) >= 6 and ("@" in word or digits >= 7 or (" " in word.strip() and len(word) >= 7))


def columns_of(table: sa.Table) -> list[sa.Column[Any]]:
    """Return the columns of a table that may hold words."""
    return [c for c in table.c if isinstance(c.type, Json) or (_wordy(c.type) and not c.primary_key)]


def _wordy(kind: Any) -> bool:
    return isinstance(kind, sa.String) and (kind.length is None or kind.length > CODE)


async def tables(kernel: Kernel) -> list[sa.Table]:
    """Return every table of the loaded packages that the database has."""
    async with kernel.db.read.connect() as connection:
        there = await connection.run_sync(lambda c: set(sa.inspect(c).get_table_names()))
    return [table for table in metadata.sorted_tables if table.name in there]
