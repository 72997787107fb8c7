"""The words by which a person is known, of today and of earlier, and which of them are other people's too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.db.model import metadata
from crm_core.entity import fields as f
from crm_core.entity.folding import fold
from crm_core.features.privacy.walk import (
    AT_ONCE,
    Rows,
    addresses_in,
    bearers,
    current_words,
    distinct,
    names_of,
    people,
    table_of,
)
from crm_core.plugin.declare import Entity, Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

MOST_NAMES = 20
"""First and last names that somebody had, put together in every way."""


async def own_words(uow: UnitOfWork, rows: Rows) -> list[str]:
    """Return the person's addresses, numbers and full names, former ones included; they are searched for everywhere."""
    found = dict.fromkeys(await current_words(uow, rows))
    for entity in bearers(uow.registry):
        if ids := rows.get(entity.name):
            found |= dict.fromkeys(await _former(uow, entity, ids))
    return [w for w in found if distinct(w)]


async def _former(uow: UnitOfWork, entity: Entity, ids: list[Any]) -> list[str]:
    """Return what the event log has of a person's records: values before and after each change."""
    event, data = metadata.tables["core_event"], metadata.tables["core_event_data"]
    found: list[str] = []
    names: dict[str, dict[str, None]] = {"first_name": {}, "last_name": {}, "name": {}}
    for start in range(0, len(ids), AT_ONCE):
        own = sa.and_(event.c.entity == entity.name, event.c.record_id.in_(ids[start : start + AT_ONCE]))
        wanted = sa.select(data.c.payload).join(event, event.c.id == data.c.event_id).where(own)
        for payload in await uow.session.scalars(wanted):
            for side in (payload.get("before"), payload.get("after")):
                if isinstance(side, Mapping):
                    found += _in_side(uow.registry.fields(entity), entity, side)
                    for name, seen in names.items():
                        seen |= {str(side[name]): None} if side.get(name) else {}
    first, last, whole = (list(seen)[:MOST_NAMES] for seen in names.values())
    return [*found, *names_of(first, last), *whole]


def _in_side(fields: Iterable[f.Field], entity: Entity, side: Mapping[str, Any]) -> list[str]:
    found = addresses_in(fields, side)
    children = {c.name: c for c in entity.children}
    for key, line in side.items():
        child = children.get(key.partition(".")[0])
        for one in line if isinstance(line, list) else [line]:
            if child is not None and isinstance(one, Mapping):
                found += addresses_in(child.fields, one)
    return found


async def shared(uow: UnitOfWork, rows: Rows, words: Iterable[str]) -> dict[str, list[str]]:
    """Return the words that records of others have as well, each with some of those records.

    These are somebody else's name, a shared mailbox or a company's number: they are not taken from others.
    """
    wanted = {fold(w): w for w in words}
    found: dict[str, list[str]] = {}
    for entity in uow.registry.entities.values():
        if entity.name != "core.suppression" and (
            entity in people(uow.registry) or entity.name == "core.user" or _has_numbers(entity)
        ):
            for column, key in _columns(entity):
                for part in _parts_of(list(wanted)):
                    held = sa.select(column, key).where(column.in_(part)).limit(AT_ONCE)
                    for word, record in await uow.session.execute(held):
                        if record not in rows.get(entity.name, ()):
                            found.setdefault(wanted[word], []).append(str(Ref(entity.name, record)))
    return _with_turned(found, list(wanted.values()))


def _has_numbers(entity: Entity) -> bool:
    return any(isinstance(x, f.Phone | f.Email) and not x.personal for x in entity.fields)


def _columns(entity: Entity) -> list[tuple[Any, Any]]:
    """Return folded columns with names, addresses and numbers, and the key of the record they are of."""
    table = table_of(entity)
    found = [(x, table, table.c.id) for x in entity.fields]
    for child in entity.children:
        lines = table_of(child)
        found += [(x, lines, lines.c[child.foreign_key]) for x in child.fields]
    return [
        (place.c.get(f"{x.name}_f", sa.func.lower(place.c[x.name])), key) for x, place, key in found
        if x.name in place.c and (isinstance(x, f.Email | f.Phone) or x.name == "name")
    ]  # fmt: skip


def _with_turned(found: dict[str, list[str]], words: list[str]) -> dict[str, list[str]]:
    """Let "King Ada" and "King, Ada" be shared when "Ada King" is."""
    parts = {frozenset(fold(w).replace(",", " ").split()): refs for w, refs in found.items() if " " in w}
    turned = {w: parts[key] for w in words if (key := frozenset(fold(w).replace(",", " ").split())) in parts}
    return {**turned, **found}


def _parts_of(values: list[str]) -> Iterable[list[str]]:
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))
