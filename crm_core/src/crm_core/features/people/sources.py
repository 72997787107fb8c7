"""Which records are found by address, and by which of their values: worked out from what entities declare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from crm_core.features.people.keys import Key, name_keys, normal_domain, normal_email, normal_phone
from crm_core.plugin.declare import Child, Entity

KINDS = ("email", "phone")


@dataclass(frozen=True, slots=True)
class Source:
    """Which kinds of addresses find a kind of record."""

    kinds: frozenset[str] = field(default=frozenset({"email", "phone"}))


# In the order in which they are answered.
SOURCES: Mapping[str, Source] = {
    "core.contact": Source(),
    "core.lead": Source(),
    "core.user": Source(),
    "core.company": Source(frozenset({"domain", "phone", "email"})),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """Where an entity's keys come from: (kind, column) of its own, and of each kind of children.

    names: the column of its name, "" where names are not compared. watched: names in an event that tell of a change.
    """

    own: tuple[tuple[str, str], ...]
    children: tuple[tuple[Child, tuple[tuple[str, str], ...]], ...]
    names: str
    watched: frozenset[str]


def indexed(entity: Entity) -> bool:
    """Return whether an entity's records are in the index: people, and whatever can be merged."""
    return entity.name in SOURCES or entity.mergeable


@lru_cache(maxsize=256)
def shape_of(entity: Entity) -> Shape:
    """Return where an entity's keys come from."""
    own = tuple((kind, x.name) for x in entity.fields if (kind := _kind(x.name, x.kind)))
    children = []
    for child in entity.children:
        found = tuple((kind, x.name) for x in child.fields if (kind := _kind(x.name, x.kind)))
        if found:
            children.append((child, found))
    names = entity.title if entity.mergeable else ""
    watched = frozenset({name for _kind, name in own} | {c.name for c, _f in children} | ({names} - {""}))
    return Shape(own, tuple(children), names, watched)


def _kind(name: str, kind: str) -> str:
    if kind in KINDS:
        return kind
    return "domain" if name == "domain" and kind == "text" else ""


def keys_of(
    shape: Shape, values: Mapping[str, Any], children: Mapping[str, list[Mapping[str, Any]]], country: str
) -> Iterator[Key]:
    """Yield the keys of a record, from its values and those of its children."""
    told = [(kind, values.get(name)) for kind, name in shape.own]
    for child, found in shape.children:
        told += [(kind, row.get(name)) for row in children.get(child.name, ()) for kind, name in found]
    for kind, value in told:
        if isinstance(value, str) and value and (folded := _folded(kind, value, country)):
            yield Key(kind, folded)
    if shape.names and (name := values.get(shape.names)):
        yield from name_keys(str(name))


def _folded(kind: str, value: str, country: str) -> str | None:
    if kind == "email":
        return normal_email(value)
    return normal_phone(value, country) if kind == "phone" else normal_domain(value)


def needs_country(shape: Shape, values: Mapping[str, Any], children: Mapping[str, list[Mapping[str, Any]]]) -> bool:
    """Return whether a phone number among the values has no country's prefix."""
    told = [values.get(name) for kind, name in shape.own if kind == "phone"]
    for child, found in shape.children:
        told += [row.get(n) for row in children.get(child.name, ()) for kind, n in found if kind == "phone"]
    return any(isinstance(v, str) and v and not v.lstrip().startswith("+") for v in told)
