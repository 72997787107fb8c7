"""What a template names: read from its syntax tree, resolved against declarations under the author's rights."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from liquid import RenderContext
from liquid.builtin.expressions import Path as Named
from liquid.builtin.tags.for_tag import ForNode
from liquid.builtin.tags.tablerow_tag import TablerowNode

from crm_core.auth.actor import Actor
from crm_core.entity import fields as f
from crm_core.entity import paths
from crm_core.errors import Invalid
from crm_core.i18n import Strings
from crm_core.liquid_render import place
from crm_core.plugin import hookspecs
from crm_core.plugin.declare import Child, Entity, Variable
from crm_core.plugin.registry import Registry

_ = Strings("crm_core")
LABEL = "_label"
TYPES = {
    "integer": "number", "decimal": "number", "percent": "number", "money": "money", "date": "date",
    "datetime": "datetime", "appointment": "datetime", "boolean": "boolean", "rich_text": "html", "links": "list",
    "tags": "list", "multi_choice": "list",
}  # fmt: skip
OF_LOOPS = ("forloop", "tablerowloop")

Roots = Mapping[str, str]
"""What a template may begin with: name -> entity name ("core.deal") or type ("text", "number", "date", …)."""


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a template, and where: line and column count from 1."""

    line: int
    column: int
    message: str


@dataclass(frozen=True, slots=True)
class Use:
    """A name in a template. parts: its segments. index: where it stands."""

    parts: tuple[Any, ...]
    index: int


def uses(template: Any) -> list[Use]:
    """Return every name a template uses, assigned ones and those of loops included."""
    found = template.analyze(include_partials=False).variables
    return [Use(tuple(v.segments), v.span.index) for same in found.values() for v in same]


def loops(template: Any) -> dict[str, tuple[Any, ...]]:
    """Return the names that loops give to their items, and the path each takes them from."""
    found: dict[str, tuple[Any, ...]] = {}
    for node in _nodes(template.nodes, RenderContext(template)):
        if isinstance(node, ForNode | TablerowNode):
            source = node.expression.iterable
            found[str(node.expression.identifier)] = tuple(source.path) if isinstance(source, Named) else ()
    return found


def _nodes(nodes: Any, context: RenderContext) -> Iterator[Any]:
    for node in nodes:
        yield node
        yield from _nodes(node.children(context, include_partials=False), context)


def in_full(parts: tuple[Any, ...], given: Mapping[str, tuple[Any, ...]], depth: int = 0) -> tuple[Any, ...]:
    """Return a path with the name of a loop's item replaced by where the loop takes it from."""
    source = given.get(str(parts[0]))
    if not source or depth > len(given):
        return parts
    return (*in_full(source, given, depth + 1), *parts[1:])


def wrong(registry: Registry, actor: Actor, template: Any, text: str, roots: Roots) -> Iterator[Fault]:
    """Yield a fault for each name that leads nowhere; names the actor may not read are unknown alike."""
    of_loops, own = loops(template), set(template.analyze(include_partials=False).locals)
    for use in uses(template):
        full = in_full(use.parts, of_loops)
        root = str(full[0])
        if root in OF_LOOPS or root in own or (root in of_loops and root not in roots):
            continue
        if root not in roots:
            near = difflib.get_close_matches(root, [*roots, *own], n=2)
            said = _("Did you mean {near}?", near=", ".join(near)) if near else ""
            message = f"{_('Unknown name: {name}.', name=root[:60])} {said}".strip()
        else:
            message = _fault(registry, actor, full, roots)
        if message:
            yield Fault(*place(text, use.index), message)


def _fault(registry: Registry, actor: Actor, parts: tuple[Any, ...], roots: Roots) -> str:
    names = [p for p in parts[1:] if not isinstance(p, int) and p not in ("first", "last", "size")]
    if any(not isinstance(n, str) for n in names):
        return str(_("Names in brackets must be written out."))
    entity = registry.entities.get(roots[str(parts[0])])
    if not names:
        return ""
    if entity is None:
        return str(_("{name} has no fields.", name=parts[0]))
    try:
        target(registry, actor, entity, names)
    except Invalid as error:
        return str(error.text)
    return ""


def target(registry: Registry, actor: Actor, entity: Entity, names: list[str]) -> str:
    """Return the type of what a path below a record leads to. UnknownField when it leads nowhere."""
    *above, last = names
    owner: Entity | Child = entity
    if above:
        owner = end_of(registry, actor, entity, above)
    if isinstance(owner, Entity):
        if (variable := variables_on(registry, owner).get(last)) is not None:
            return variable.type
        step = paths.names(registry, owner.name).steps.get(last)
        if step is not None and step.kind == "link" and paths.may_follow(registry, actor, owner, step):
            return "record"
    stem = last.removesuffix(LABEL)
    if stem != last:
        found = paths.resolve(registry, actor, owner, stem)
        if isinstance(found.field, f.Choice):
            return "text"
    found = paths.resolve(registry, actor, owner, last)
    return "list" if found.value is None else TYPES.get(found.field.kind, "text")


def end_of(registry: Registry, actor: Actor, entity: Entity, names: list[str]) -> Entity | Child:
    """Return what rows a path of links leads to. UnknownField when it leads nowhere."""
    at: Entity | Child = entity
    for name in names:
        known = paths.names(registry, at.name) if isinstance(at, Entity) else paths._child_names(registry, at)  # noqa: SLF001 - the same rule
        step = known.steps.get(name)
        if step is None or not paths.may_follow(registry, actor, at, step):
            raise paths.unknown(registry, actor, at, known, ".".join(names), name)
        at = step.target
    return at


def variables_on(registry: Registry, entity: Entity) -> dict[str, Variable]:
    """Return the variables plugins declared on an entity, by name."""
    return {v.name: v for v in registry.gather(hookspecs.crm_variables) if v.on == entity.name}
