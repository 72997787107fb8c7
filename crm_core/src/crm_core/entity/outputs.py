"""What a list gives of each record: which columns, which parts, and the struct that holds them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from crm_core.auth.actor import Actor
from crm_core.entity import access, columns, custom_fields, custom_sql, paths
from crm_core.entity import fields as f
from crm_core.entity.paths import Value
from crm_core.plugin.declare import Entity
from crm_core.plugin.registry import Registry

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

MOST_KEPT = 512
_PARTS = ("tags", "links")
_LONG = ("long_text", "rich_text")
CUSTOM = "custom"


class reference_text(FunctionElement[str]):  # noqa: N801 - an SQL function
    """reference_text(entity, id): "core.deal:<uuid>", null without an id."""

    type = sa.String()
    inherit_cache = True


@compiles(reference_text)
def _reference_text(element: Any, compiler: Any, **kw: Any) -> str:
    entity, key = (compiler.process(c, **kw) for c in element.clauses)
    if compiler.dialect.name == "postgresql":
        return f"({entity} || ':' || CAST({key} AS text))"
    cut = " || '-' || ".join(f"substr(hex({key}), {at}, {n})" for at, n in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12)))
    return f"({entity} || ':' || lower({cut}))"


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """The shape of a list's items. `struct` takes the columns, then the parts, then the expanded links.

    key: decides the SQL together with the rights. links: expanded name -> (place of its id among the
    columns, target). custom: None without custom fields, else the keys of their JSON that are left out.
    beside: custom links that are only there to be expanded, after the first `width` columns.
    """

    entity: Entity
    key: tuple[Any, ...]
    values: tuple[Value, ...]
    parts: tuple[str, ...]
    expand: tuple[str, ...]
    links: dict[str, tuple[int, Entity]]
    struct: type[msgspec.Struct]
    custom: tuple[str, ...] | None
    beside: tuple[Value, ...]
    width: int

    def columns(self, uow: UnitOfWork) -> list[Any]:
        """Return the SQL of the columns, each as far as the actor may read it."""
        table = access.table_of(self.entity)
        found: list[Any] = [table.c.id.label("id"), table.c.version.label("version")]
        given = {"id", "version"}
        for value in self.values:
            for name, column in shown(uow, self.entity, value, table):
                if name not in given:  # two appointments share the column of their zone
                    given.add(name)
                    found.append(column.label(name))
        if self.custom is not None:
            found.append(custom_sql.shown(table.c.custom, self.custom, uow.db.dialect).label(CUSTOM))
        found += [columns.raw(v, table).label(f"beside{n}") for n, v in enumerate(self.beside)]
        return found


def keys(value: Value) -> tuple[str, ...]:
    """Return the API keys of a field's columns."""
    field = value.field
    if isinstance(field, f.Money) and value.attribute != field.name:
        return field.columns
    return (field.name, field.zone_column) if isinstance(field, f.Appointment) else (field.name,)


def shown(uow: UnitOfWork, entity: Entity, value: Value, table: sa.FromClause) -> list[tuple[str, Any]]:
    """Return (API key, SQL) of a field, empty where it may not be read."""
    field = value.field
    if isinstance(field, f.AnyLink):
        found = reference_text(*(columns.raw(value, table, c) for c in field.columns))
        return [(field.name, access.readable(uow.registry, uow.actor, entity, field, found))]
    found_columns = [(n, columns.raw(value, table, _attribute(value, n))) for n in keys(value)]
    return [(n, access.readable(uow.registry, uow.actor, entity, field, c)) for n, c in found_columns]


def _attribute(value: Value, name: str) -> str:
    return value.attribute if value.extension and value.extension.sql else name


def plain(registry: Registry, actor: Actor, entity: Entity) -> tuple[str, ...]:
    """Return the fields a list gives unless asked otherwise: all that may be read but long texts and parts."""
    return tuple(
        x.name
        for x in (*paths.SYSTEM[2:4], *registry.fields(entity))
        if (x.kind not in (*_PARTS, *_LONG) or (x.kind == "links" and x.name.startswith(custom_fields.PREFIX)))
        and actor.may_see(entity.name, x.name)
    )


def everything(registry: Registry, actor: Actor, entity: Entity) -> tuple[str, ...]:
    """Return all fields and parts that may be read."""
    if not actor.rights.hidden and actor.on_behalf_of is None:
        return _all(registry, entity)
    return (*(n for n in _all(registry, entity) if n == CUSTOM or actor.may_see(entity.name, n)),)


@lru_cache(maxsize=512)
def _all(registry: Registry, entity: Entity) -> tuple[str, ...]:
    names = (*(x.name for x in (*paths.SYSTEM[2:4], *registry.fields(entity))), *(c.name for c in entity.children))
    return (*dict.fromkeys(names), CUSTOM)


_kept: OrderedDict[Any, Output] = OrderedDict()


def output_of(
    uow: UnitOfWork, entity: Entity, fields: tuple[str, ...] | None = None, expand: tuple[str, ...] = ()
) -> Output:
    """Return the shape of a list's items; UnknownField for names the actor may not know."""
    hidden = frozenset(h for h in _hidden(uow) if h.startswith(entity.name + "."))
    open_links = tuple(paths.resolve(uow.registry, uow.actor, entity, f"{e}.id").text for e in expand)
    key = (id(uow.registry), uow.registry.version, entity.name, fields, open_links, hidden)
    found = _kept.get(key)
    if found is None or found.entity is not entity:
        found = _kept[key] = _make(uow, entity, fields, expand, key)
        if len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return found


def _hidden(uow: UnitOfWork) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    person: Any = uow.actor
    while person is not None:
        found |= person.rights.hidden
        person = person.on_behalf_of
    return found


def _make(
    uow: UnitOfWork, entity: Entity, fields: tuple[str, ...] | None, expand: tuple[str, ...], key: tuple[Any, ...]
) -> Output:
    children = {c.name for c in entity.children if uow.actor.may_see(entity.name, c.name)}
    values: dict[str, Value] = {}
    parts: list[str] = []
    asked: set[str] | None = None
    for name in _wanted(uow, entity, fields):
        if name in children:
            parts.append(name)
            continue
        if name == CUSTOM:
            asked = asked or set()
            continue
        value = paths.own_field(uow.registry, uow.actor, entity, name)
        if (custom_field := custom_fields.custom_of(value)) is not None:
            asked = (asked or set()) | {custom_field.field.name}
        elif value.field.kind in _PARTS:
            parts.append(name)
        elif name not in ("id", "version"):
            values[name] = value
    steps = [paths.resolve(uow.registry, uow.actor, entity, f"{e}.id").steps[0] for e in expand]
    for step in steps:
        assert isinstance(step.via, Value)
        if custom_fields.custom_of(step.via) is None:
            values.setdefault(step.via.field.name, step.via)
    kept = _once(values)
    custom = None if asked is None else custom_fields.hidden_keys(uow.registry, entity, frozenset(asked))
    names = ["id", "version", *(n for v in kept for n in keys(v)), *([CUSTOM] if custom is not None else [])]
    beside = tuple(s.via for s in steps if isinstance(s.via, Value) and custom_fields.custom_of(s.via) is not None)
    places = [*names, *(v.field.name for v in beside)]
    links = {_expanded(s): (places.index(s.via.field.name), s.target) for s in steps}  # type: ignore[union-attr]
    given = {n.replace(".", "__"): n for n in (*names, *parts, *links)}
    struct = msgspec.defstruct(
        entity.noun.capitalize(), [(n, Any) for n in given], frozen=True, module=__name__, rename=given
    )
    return Output(entity, key, kept, tuple(parts), tuple(links), links, struct, custom, beside, len(names))  # type: ignore[arg-type]


def _wanted(uow: UnitOfWork, entity: Entity, fields: tuple[str, ...] | None) -> dict[str, None]:
    """Return the names asked for; "custom" stands for all custom fields that may be read."""
    if fields is None:
        return dict.fromkeys(plain(uow.registry, uow.actor, entity))
    all_of = uow.registry.custom.get(entity.name, ()) if CUSTOM in fields else ()
    seen = (c.field.name for c in all_of if not c.archived and uow.actor.may_see(entity.name, c.field.name))
    return dict.fromkeys((*fields, *seen))


def _once(values: dict[str, Value]) -> tuple[Value, ...]:
    """Leave out fields whose keys another one gives already: a money field's currency asked for by name."""
    taken: set[str] = set()
    found = []
    for value in sorted(values.values(), key=lambda v: -len(keys(v))):
        if not taken.issuperset(keys(value)):
            taken.update(keys(value))
            found.append(value)
    order = list(values.values())
    return tuple(sorted(found, key=order.index))


def _expanded(step: paths.Step) -> str:
    assert isinstance(step.via, Value)
    if step.name != step.via.field.name or custom_fields.custom_of(step.via) is not None:
        return step.name
    return f"{step.name}_record"
