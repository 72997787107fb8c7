"""Names in filters, sorts and column lists: what they lead to, and whether an actor may know.

A path is at most three steps over relations and a field: `name`, `company.name`, `emails.address`,
`company.parent.name`, `deals.count`. A link `company_id` is the step `company`; a reverse relation, a
list of children and a list of links are steps that lead to many rows.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from crm_core.auth.actor import Actor, Scope
from crm_core.entity import fields as f
from crm_core.errors import Invalid
from crm_core.i18n import Strings
from crm_core.plugin.declare import Child, Entity, FieldOn
from crm_core.plugin.registry import Registry

_ = Strings("crm_core")

MOST_STEPS = 3
LONGEST_PATH = 200
COUNT = f.Integer("count", _("Count"))

# Columns every record has; an entity may declare them itself with other labels.
SYSTEM: tuple[f.Field, ...] = (
    f.Link("id", _("Id"), readonly=True, sortable=True),
    f.Integer("version", _("Version"), readonly=True, filterable=False),
    f.DateTime("created_at", _("Created"), readonly=True, sortable=True),
    f.DateTime("updated_at", _("Changed"), readonly=True, sortable=True),
    f.Link("owner_id", _("Owner"), readonly=True, target="core.user"),
    f.Link("team_id", _("Team"), readonly=True, target="core.team"),
    f.DateTime("deleted_at", _("Deleted"), readonly=True),
    f.Link("deleted_by", _("Deleted by"), readonly=True, target="core.user"),
)


class UnknownField(Invalid):
    """No field of this name, as far as the actor may know."""


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A field and where it is stored: `attribute` of the owner's model, or an extension's table or SQL."""

    owner: Entity | Child
    field: f.Field
    attribute: str
    extension: FieldOn | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A relation from one record's row to others. `via` is the field (or child) that makes it."""

    name: str
    kind: Literal["link", "reverse", "links", "child"]
    via: Value | Child
    target: Entity | Child

    @property
    def many(self) -> bool:
        """Return whether there may be more than one row at its end."""
        return self.kind != "link"


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """What a dotted name means; without a value it ends at the rows of its last step."""

    text: str
    steps: tuple[Step, ...]
    value: Value | None
    counted: bool = False

    @property
    def field(self) -> f.Field:
        """Return the field whose operators apply."""
        return COUNT if self.counted or self.value is None else self.value.field

    @property
    def own(self) -> bool:
        """Return whether the record's own columns answer, that of its custom fields included."""
        if self.steps or self.value is None:
            return False
        return self.value.extension is None or self.value.field.name.startswith("custom.")


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """The values and steps that can be named on one kind of row."""

    values: dict[str, Value]
    steps: dict[str, Step]


@lru_cache(maxsize=2048)
def names(registry: Registry, entity: str) -> Names:
    """Return what can be named on an entity's rows, extension fields included."""
    found = registry.entities[entity]
    values: dict[str, Value] = {}
    for field in (*SYSTEM, *found.fields):  # an entity's own declaration takes the place of ours
        values.update(_values(found, field, None))
    for extension in registry.extensions.get(entity, ()):
        values.update(_values(found, extension.field, extension))
    steps = _links(registry, found, values)
    for source, field in registry.reverses.get(entity, ()):
        made_by = next((x for x in registry.extensions.get(source.name, ()) if x.field is field), None)
        steps[field.reverse] = Step(field.reverse, "reverse", Value(source, field, field.name, made_by), source)
    for child in found.children:
        steps[child.name] = Step(child.name, "child", child, child)
    return Names(values, steps)


def _child_names(registry: Registry, child: Child) -> Names:
    values: dict[str, Value] = {}
    for field in child.fields:
        values.update(_values(child, field, None))
    return Names(values, _links(registry, child, values))


def _values(owner: Entity | Child, field: f.Field, extension: FieldOn | None) -> Iterable[tuple[str, Value]]:
    if isinstance(field, f.Money):
        code = f.Choice(f"{field.name}_currency", field.label, readable=field.readable)
        base = f.Money(f"{field.name}_base", field.label, readonly=True, readable=field.readable)
        yield field.name, Value(owner, field, f"{field.name}_base", extension)
        yield code.name, Value(owner, code, code.name, extension)
        yield base.name, Value(owner, base, base.name, extension)
    else:
        yield field.name, Value(owner, field, field.columns[0] if field.columns else field.name, extension)


def _links(registry: Registry, owner: Entity | Child, values: dict[str, Value]) -> dict[str, Step]:
    steps: dict[str, Step] = {}
    for name, value in values.items():
        field = value.field
        if isinstance(field, f.Links) and field.target in registry.entities:
            steps[name] = Step(name, "links", value, registry.entities[field.target])
        target = field.target if isinstance(field, f.Link) else "core.stage" if isinstance(field, f.Stage) else ""
        if target in registry.entities:
            step = Step(name.removesuffix("_id"), "link", value, registry.entities[target])
            steps[name] = steps[step.name] = step
    return steps


def declared(value: Value) -> str:
    """Return the name rights know the field by: a money field's currency and base are the field."""
    name = value.field.name
    if isinstance(value.owner, Entity) and isinstance(value.field, f.Choice | f.Money):
        for suffix in ("_currency", "_base"):
            stem = name.removesuffix(suffix)
            field = value.extension.field if value.extension else value.owner.field(stem)
            if stem != name and isinstance(field, f.Money) and field.name == stem:
                return stem
    return name


def sees(actor: Actor, value: Value) -> bool:
    """Return whether the actor may know that this field exists."""
    if isinstance(value.owner, Child):
        return True
    return actor.may_see(value.owner.name, declared(value))


def may_follow(registry: Registry, actor: Actor, owner: Entity | Child, step: Step) -> bool:
    """Return whether the actor may know of the rows at the end of a step."""
    if isinstance(step.target, Child):
        return isinstance(owner, Entity) and actor.may_see(owner.name, step.name)
    if isinstance(step.via, Value) and not sees(actor, step.via):
        return False
    return readable_at_all(registry, actor, step.target)


def readable_at_all(registry: Registry, actor: Actor, entity: Entity) -> bool:
    """Return whether the actor may read any row of an entity."""
    if entity.public_read and actor.kind != "guest":
        return True
    link = entity.field(entity.parent) if entity.parent else None
    if isinstance(link, f.Link) and link.target in registry.entities:
        return readable_at_all(registry, actor, registry.entities[link.target])
    return actor.scope(entity.name, "read") is not Scope.none


def resolve(registry: Registry, actor: Actor, entity: Entity | Child, text: Any) -> Path:
    """Return what a name leads to. UnknownField for what is not there and for what is barred, alike."""
    parts = _parts(text) if isinstance(text, str) and len(text) <= LONGEST_PATH else []
    if not parts or len(parts) > MOST_STEPS + 1:
        raise UnknownField(_("A field name is text of at most {count} parts.", count=MOST_STEPS + 1))
    steps: list[Step] = []
    at: Entity | Child = entity
    for index, part in enumerate(parts):
        known = names(registry, at.name) if isinstance(at, Entity) else _child_names(registry, at)
        last = index == len(parts) - 1
        if last and part == "count" and steps and steps[-1].many:
            return Path(text, tuple(steps), None, counted=True)
        if last and (value := known.values.get(part)) is not None and sees(actor, value):
            return Path(text, tuple(steps), value)
        step = known.steps.get(part)
        if step is None or (last and not step.many) or not may_follow(registry, actor, at, step):
            raise unknown(registry, actor, at, known, text, part)
        steps.append(step)
        at = step.target
    if len(steps) > MOST_STEPS:
        raise UnknownField(_("A field name is text of at most {count} parts.", count=MOST_STEPS + 1))
    return Path(text, tuple(steps), None)


def _parts(text: str) -> list[str]:
    """Return the steps of a name; "custom.region" is one."""
    found: list[str] = []
    for word in text.split("."):
        if found and found[-1] == "custom":
            found[-1] = f"custom.{word}"
        else:
            found.append(word)
    return found


def unknown(registry: Registry, actor: Actor, at: Entity | Child, known: Names, text: str, part: str) -> UnknownField:
    """Return the error for a name, with visible names that are near it."""
    visible = [n for n, v in known.values.items() if sees(actor, v)]
    visible += [n for n, s in known.steps.items() if may_follow(registry, actor, at, s)]
    near = difflib.get_close_matches(part[:60], visible, n=3)
    shown = text[:80].encode("utf-8", "replace").decode().replace("\x00", "?")
    if near:
        return UnknownField(_("Unknown field: {name}. Did you mean {near}?", name=shown, near=", ".join(near)))
    return UnknownField(_("Unknown field: {name}.", name=shown))


def own_field(registry: Registry, actor: Actor, entity: Entity, name: str) -> Value:
    """Return a field of the entity itself (for sorts and columns); UnknownField as `resolve` does."""
    path = resolve(registry, actor, entity, name)
    if path.steps or path.value is None:
        raise unknown(registry, actor, entity, names(registry, entity.name), name, name)
    return path.value
