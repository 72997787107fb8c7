"""Where rows refer to records of an entity: worked out from declarations and from the tables that are there.

A reference is a foreign key, a declared link, or a pair of columns `<name>_entity` and `<name>_id`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from crm_core.db.model import metadata
from crm_core.db.types import Id
from crm_core.entity import fields as f
from crm_core.plugin.declare import Child, Entity
from crm_core.plugin.registry import Registry

# Logs and what is derived from records: they tell about the record they were written for. Tags are joined as values.
KEPT = frozenset({
    "core_event", "core_event_data", "core_event_ref", "core_event_text", "core_search", "core_stage_history",
    "core_match_key", "core_merge", "core_move", "core_duplicate", "core_not_duplicate", "core_field_value",
    "core_job", "core_webhook_delivery", "core_mail", "core_tagging",
})  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """One column that refers to records.

    of: the column that holds the entity's name, None where it is always this one. copied: columns beside it that
    hold the record's owner and team. entity: whose rows they are, if records; child: whose parts they are.
    keys: sets of columns that must be unique and hold the reference. own: the link is the merged entity's own.
    """

    table: sa.Table
    column: str
    of: str | None
    entity: Entity | None
    child: tuple[Entity, Child] | None
    keys: tuple[frozenset[str], ...]
    copied: bool

    @property
    def primary(self) -> tuple[str, ...]:
        """Return the names of the primary key's columns."""
        return tuple(c.name for c in self.table.primary_key)


def references(registry: Registry, entity: Entity) -> tuple[Reference, ...]:
    """Return every reference to an entity's records, in a fixed order; worked out once per registry."""
    key = f"references to {entity.name}"
    found: tuple[Reference, ...] | None = registry.plans.get(key)
    if found is None:
        found = registry.plans[key] = tuple(_references(registry, entity))
    return found


def _references(registry: Registry, entity: Entity) -> Iterator[Reference]:
    own = {c.model.__table__.name for c in entity.children}
    own |= {x.model.__table__.name for x in registry.extensions.get(entity.name, ()) if x.model is not None}
    models = {e.model.__table__.name: e for e in registry.entities.values()}
    parts = {c.model.__table__.name: (e, c) for e in registry.entities.values() for c in e.children}
    kept, linked = _declared(registry, entity)
    for table in sorted(_present(registry), key=lambda t: t.name):
        if table.name in KEPT:
            continue
        for column, of in _columns(table, entity, linked):
            mine = table.name in own and of is None and _owning(entity, table, column)
            if mine or (table.name, column) in kept:
                continue
            yield Reference(
                table, column, of, models.get(table.name), parts.get(table.name), _keys(table, column),
                copied=of == "parent_entity" and "parent_owner_id" in table.c,
            )  # fmt: skip


def _owning(entity: Entity, table: sa.Table, column: str) -> bool:
    """Return whether the column makes a row part of a record: its parts are merged by themselves."""
    return column == "record_id" or any(c.model.__table__ is table and c.foreign_key == column for c in entity.children)


def _present(registry: Registry) -> list[sa.Table]:
    """Return the tables of loaded packages; the metadata may hold others' of the same process."""
    starts = tuple({"core_", *(f"{p.name}_" for p in registry.plugins if not p.builtin and p.state == "loaded")})
    return [t for t in metadata.tables.values() if t.name.startswith(starts)]


def _declared(registry: Registry, entity: Entity) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Return (table, column) of links that a merge leaves alone, and of all links that are declared."""
    kept: set[tuple[str, str]] = set()
    linked: set[tuple[str, str]] = set()
    declared = [(e.model, x) for e in registry.entities.values() for x in e.fields]
    declared += [(c.model, x) for e in registry.entities.values() for c in e.children for x in c.fields]
    declared += [(x.model, x.field) for found in registry.extensions.values() for x in found if x.model is not None]
    for model, field in declared:
        if isinstance(field, f.Link) and field.target == entity.name and field.name in model.__table__.c:
            place = (model.__table__.name, field.name)
            (kept if field.on_merge == "keep" else linked).add(place)
    return kept, linked


def _columns(table: sa.Table, entity: Entity, linked: set[tuple[str, str]]) -> Iterator[tuple[str, str | None]]:
    target = entity.model.__table__
    for column in table.c:
        points = any(k.column.table is target for k in column.foreign_keys) or (table.name, column.name) in linked
        if points:
            yield column.name, None
        elif isinstance(column.type, Id):
            start = column.name.removesuffix("_id")
            of = "entity" if column.name == "record_id" and "entity" in table.c else f"{start}_entity"
            if start != column.name and of in table.c:
                yield column.name, of


def _keys(table: sa.Table, column: str) -> tuple[frozenset[str], ...]:
    found = [frozenset(c.name for c in table.primary_key)]
    found += [frozenset(c.name for c in k.columns) for k in table.constraints if isinstance(k, sa.UniqueConstraint)]
    for index in table.indexes:
        columns: Any = index.columns
        if index.unique:
            found.append(frozenset(c.name for c in columns))
    return tuple(k for k in found if column in k)
