"""What the write path works out of an entity's declaration, once per registry instead of once per record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from crm_core.entity import fields as f
from crm_core.entity.custom_values import plain
from crm_core.plugin.declare import Child, Entity, FieldOn
from crm_core.plugin.registry import Registry


@dataclass(frozen=True, slots=True)
class Words:
    """Fields of a record, or of one kind of its children, whose words enter the search index, by weight."""

    title: tuple[f.Field, ...]
    body: tuple[f.Field, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """keys: API key to its field, extensions' included; own: names of the fields that are on the record itself.

    defaults: (column, value or function); required: (name, column that must not be empty); links: what a
    record hangs on; words: of the record under "", of children under their names; finds: fields whose change
    alters what a record is found by; never_null: columns that take no null, and what is there instead (None:
    nothing can be); beside: other plugins' stored fields, in their side tables.
    """

    entity: Entity
    keys: Mapping[str, f.Field]
    own: frozenset[str]
    children: Mapping[str, Child]
    defaults: tuple[tuple[str, Any], ...]
    required: tuple[tuple[str, str], ...]
    links: tuple[f.Field, ...]
    words: Mapping[str, Words]
    finds: frozenset[str]
    never_null: Mapping[str, Any]
    beside: tuple[FieldOn, ...]

    @property
    def searchable(self) -> bool:
        """Return whether the entity's records can be found by words."""
        return bool(self.words[""].title or self.words[""].body)


def plan_of(registry: Registry, entity: Entity) -> Plan:
    """Return the plan of an entity."""
    found: Plan | None = registry.plans.get(entity.name)
    if found is None or found.entity is not entity:
        found = registry.plans[entity.name] = _made(registry, entity)
    return found


def _made(registry: Registry, entity: Entity) -> Plan:
    children = {c.name: c for c in entity.children}
    custom = tuple(c for c in registry.custom.get(entity.name, ()) if not c.archived)
    beside = tuple(e for e in registry.extensions.get(entity.name, ()) if e.model is not None)
    stored, added = (*entity.fields, *(e.field for e in beside)), tuple(c.field for c in custom)
    words = {"": _words((*entity.fields, *added))}
    words |= {e.field.name: _words((e.field,)) for e in beside} | {c.name: _words(c.fields) for c in entity.children}
    return Plan(
        entity=entity,
        keys={k: x for x in registry.fields(entity) for k in (x.name, *x.columns)},
        own=frozenset((*(x.name for x in entity.fields), *(c.field.name for c in custom))),
        children=children,
        defaults=(
            *((x.columns[0], x.default) for x in stored if x.columns and x.default is not None),
            *((c.field.name, plain(c.field, c.field.default)) for c in custom if c.field.default is not None),
        ),
        required=tuple((x.name, x.columns[0] if x.columns else x.name) for x in (*stored, *added) if x.required),
        links=tuple(x for x in entity.fields if x.kind == "any_link" or (isinstance(x, f.Link) and x.reverse)),
        words=words,
        finds=frozenset(
            {x.name for x in registry.fields(entity) if x.search}
            | {"owner_id", "team_id", entity.title}
            | {c.name for c in entity.children if any(x.search for x in c.fields)}
        ),
        never_null=_never_null(entity),
        beside=beside,
    )


def _never_null(entity: Entity) -> dict[str, Any]:
    """An empty value in a form, or null in the API, is the default of such a column, never an error of the database."""
    mapped = sa.inspect(entity.model).columns
    found: dict[str, Any] = {}
    for field in entity.fields:
        for name in field.columns:
            column = mapped.get(name)
            if column is not None and not column.nullable:
                default = column.default.arg if column.default is not None and column.default.is_scalar else None
                found[name] = field.default if field.default is not None and not callable(field.default) else default
    return found


def _words(fields: tuple[f.Field, ...]) -> Words:
    """A field that a declaration lets only some read is never indexed."""
    open_ = [x for x in fields if x.readable is None]
    return Words(tuple(x for x in open_ if x.search == "A"), tuple(x for x in open_ if x.search == "B"))
