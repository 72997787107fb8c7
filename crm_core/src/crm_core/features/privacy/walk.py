"""What belongs to a person: found through declarations, so that plugins' records are found too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.db.model import metadata
from crm_core.db.types import Json
from crm_core.entity import fields as f
from crm_core.entity.custom_fields import PREFIX
from crm_core.entity.folding import fold
from crm_core.plugin.declare import Child, Entity, Ref
from crm_core.plugin.registry import Registry

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

MOST = 100_000
AT_ONCE = 500
CODE = 16
"""Columns of this length hold codes, not words."""
TEXTS = ("text", "long_text", "rich_text", "email", "phone", "url")

Rows = dict[str, list[UUID]]
"""Ids by entity name."""


def people(registry: Registry) -> list[Entity]:
    """Return the entities that describe one person outside: those with a personal e-mail address, users aside.

    What is part of another record is nobody of its own: a submission is of whoever sent the form.
    """
    return [e for e in bearers(registry) if not e.parent]


def bearers(registry: Registry) -> list[Entity]:
    """Return the entities whose records hold words of one person."""
    return [e for e in registry.entities.values() if e.name != "core.user" and e.model and _describes(registry, e)]


def _describes(registry: Registry, entity: Entity) -> bool:
    own = [*registry.fields(entity), *(x for c in entity.children for x in c.fields)]
    return any(x.personal and isinstance(x, f.Email) for x in own) and any(
        (x.personal and x.name == entity.title) or (x.personal and x.name in ("last_name", "name"))
        for x in entity.fields
    )


async def belongings(uow: UnitOfWork, refs: Sequence[Ref]) -> Rows:
    """Return the person's records, what was merged into them, and what hangs on these, however far down.

    A comment on a note about the person is the person's, and so is the file on that comment.
    """
    found: Rows = {}
    waiting = [(ref.entity, [ref.id]) for ref in refs]
    while waiting:
        name, ids = waiting.pop()
        known = set(found.get(name, ()))
        if fresh := [i for i in dict.fromkeys(ids) if i not in known]:
            found[name] = [*found.get(name, []), *fresh]
            waiting += await _next(uow, uow.registry.entities[name], fresh)
    for name, ids in (await _bearing(uow, found)).items():
        found[name] = list(dict.fromkeys([*found.get(name, []), *ids]))
    return found


async def _next(uow: UnitOfWork, entity: Entity, ids: list[UUID]) -> list[tuple[str, list[UUID]]]:
    """Return what was merged into records, hangs on them, or is the same person under another entity."""
    found = [(entity.name, await _ids(uow, entity, table_of(entity).c.merged_into, ids))]
    for other in uow.registry.entities.values():
        table = table_of(other)
        for field in other.fields:
            if isinstance(field, f.AnyLink):
                kind, key = field.columns
                found.append((other.name, await _ids(uow, other, table.c[key], ids, table.c[kind] == entity.name)))
            elif isinstance(field, f.Link) and field.target == entity.name and field.on_erase == "delete":
                found.append((other.name, await _ids(uow, other, table.c[field.name], ids)))
    return [*found, *await _same_person(uow, entity, ids)]


async def _same_person(uow: UnitOfWork, entity: Entity, ids: list[UUID]) -> list[tuple[str, list[UUID]]]:
    """Return the person that a record became, as a lead its contact: a link of one person's record to another's."""
    known = people(uow.registry)
    names = {e.name for e in known}
    found = []
    for field in entity.fields if entity in known else ():
        if isinstance(field, f.Link) and field.target in names and field.on_erase == "delete":
            table = table_of(entity)
            keys = [
                key for part in _parts(ids)
                for key in await uow.session.scalars(sa.select(table.c[field.name]).where(table.c.id.in_(part)))
            ]  # fmt: skip
            found.append((field.target, [k for k in keys if k is not None]))
    return found


async def _bearing(uow: UnitOfWork, rows: Rows) -> Rows:
    """Return records of no person in particular that carry one of the addresses, as what was sent through a form."""
    known = {*(e.name for e in people(uow.registry)), "core.user", "core.suppression"}
    addresses = [fold(w) for w in await current_words(uow, rows) if "@" in w]
    own = [i for e in people(uow.registry) for i in rows.get(e.name, ())]
    found: Rows = {}
    for entity in uow.registry.entities.values():
        if entity.name in known or not addresses:
            continue
        table = table_of(entity)
        links = [table.c[x.columns[1]] for x in entity.fields if isinstance(x, f.AnyLink)]
        of_nobody_else = [sa.or_(key.is_(None), key.in_(own)) for key in links]
        for field in entity.fields:
            if isinstance(field, f.Email) and field.personal and field.name in table.c:
                twin = table.c.get(f"{field.name}_f", sa.func.lower(table.c[field.name]))
                found.setdefault(entity.name, []).extend(await _ids(uow, entity, twin, addresses, *of_nobody_else))
    return {name: ids for name, ids in found.items() if ids}


async def _ids(
    uow: UnitOfWork, entity: Entity, column: sa.ColumnElement[Any], values: Sequence[Any], *more: Any
) -> list[UUID]:
    table, found = table_of(entity), list[UUID]()
    for part in _parts(values):
        found += await uow.session.scalars(sa.select(table.c.id).where(column.in_(part), *more).limit(MOST))
    return found


def _parts(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))


def table_of(entity: Entity | Child) -> sa.Table:
    """Return the table of an entity or of its parts."""
    table: sa.Table = entity.model.__table__
    return table


async def current_words(uow: UnitOfWork, rows: Rows) -> list[str]:
    """Return the addresses, numbers and full names that the person's records hold now."""
    found: dict[str, None] = {}
    for entity in bearers(uow.registry):
        ids, table = rows.get(entity.name, []), table_of(entity)
        for part in _parts(ids):
            for record in (await uow.session.execute(sa.select(table).where(table.c.id.in_(part)))).mappings():
                found |= dict.fromkeys(names_of([record.get("first_name")], [record.get("last_name")]))
                found |= dict.fromkeys(names_of([], [record.get("name")]))
                found |= dict.fromkeys(addresses_in(entity.fields, record))
                found |= dict.fromkeys(_custom(uow.registry.fields(entity), record["custom"]))
            for child in entity.children:
                lines = table_of(child)
                held = sa.select(lines).where(lines.c[child.foreign_key].in_(part))
                for line in (await uow.session.execute(held)).mappings():
                    found |= dict.fromkeys(addresses_in(child.fields, line))
    return [w for w in found if distinct(w)]


def names_of(first: Iterable[Any], last: Iterable[Any]) -> list[str]:
    """Return full names in the ways people write them: "Ada King", "King Ada", "King, Ada"."""
    lasts = [str(name) for name in last if name]
    pairs = [(str(a), b) for a in first if a for b in lasts]
    return [w for a, b in pairs for w in (f"{a} {b}", f"{b} {a}", f"{b}, {a}")] + lasts


def addresses_in(fields: Iterable[f.Field], values: Any) -> list[str]:
    """Return the e-mail addresses and telephone numbers among a row's values."""
    return [
        v for x in fields if isinstance(x, f.Email | f.Phone) and isinstance(v := values.get(x.name), str)
    ]  # fmt: skip


def _custom(fields: Iterable[f.Field], values: dict[str, Any]) -> list[str]:
    """Return the addresses and numbers among a record's custom fields."""
    return addresses_in(fields, {f"{PREFIX}{key}": value for key, value in values.items()})


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
