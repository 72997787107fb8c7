"""The one filter language: lists, reports, workflow conditions, assignment and approval rules.

A filter is JSON: `{"all": […]}`, `{"any": […]}`, `{"none": […]}` or `{"field", "op", "value"}`. Logic is
two-valued: a condition on an empty value is false, and its opposite is true, so `is_not x` includes
the empty ones. Text compares folded. A condition on related rows is true when any visible row meets
it; its opposite when none does.

`parse` gives a tree that holds no time and no actor; `shape` is what decides the SQL, `arguments` the
values bound to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from crm_core.auth.actor import Actor
from crm_core.entity import filter_values, paths
from crm_core.entity.filter_values import BadFilter, Later, Moment
from crm_core.entity.paths import Path, Value
from crm_core.i18n import Strings
from crm_core.plugin.declare import Child, Entity
from crm_core.plugin.registry import Registry

_ = Strings("crm_core")

DEEPEST = 8
MOST_CONDITIONS = 100
MOST_ARGUMENTS = 2000
LONGEST_JSON = 200_000  # characters

# An opposite is the plain test, negated: there is no third truth value to lose on the way.
OPPOSITE = {"is_not": "is", "not_in": "in", "empty": "not_empty", "has_none": "has_any", "none": "any"}


@dataclass(frozen=True, slots=True, eq=False)
class All:
    """Every part holds; without parts it is true."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Some:
    """At least one part holds; without parts it is false."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Not:
    """The part does not hold."""

    part: Node


@dataclass(frozen=True, slots=True, eq=False)
class Has:
    """A visible row at the end of the path's last step exists, and `part` holds for it."""

    path: Path
    part: Node


@dataclass(frozen=True, slots=True, eq=False)
class Test:
    """One test of one value; `test` is a name of `filter_sql`, `arguments` its values in order."""

    path: Path
    test: str
    arguments: tuple[Any, ...]

    __test__ = False  # not a test case, whatever its name


Node = All | Some | Not | Has | Test
EVERYTHING = All(())
NOTHING = Some(())


def parse(registry: Registry, actor: Actor, entity: Entity, data: Any) -> Node:
    """Return the filter for an entity from JSON text or decoded JSON.

    Raises BadFilter (422) for anything that is not a filter, and UnknownField for names the actor does
    not know. None and {} let everything through.
    """
    if isinstance(data, All | Some | Not | Has | Test):
        check(registry, actor, entity, data)
        return data
    if isinstance(data, str | bytes):
        data = decode(data)
    if data is None or data == {}:
        return EVERYTHING
    return _Parser(registry, actor).node(entity, data, 1)


def decode(text: str | bytes) -> Any:
    """Return decoded JSON; BadFilter when it is none."""
    if len(text) > LONGEST_JSON:
        raise BadFilter(_("The filter is too long."))
    try:
        return msgspec.json.decode(text) if text else None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadFilter(_("The filter is not JSON.")) from error


class _Parser:
    def __init__(self, registry: Registry, actor: Actor) -> None:
        self.registry, self.actor = registry, actor
        self.conditions = self.arguments = 0

    def node(self, entity: Entity | Child, data: Any, depth: int) -> Node:
        if depth > DEEPEST:
            raise BadFilter(_("A filter is nested at most {count} deep.", count=DEEPEST))
        if not isinstance(data, dict):
            raise BadFilter(_("A filter is an object with all, any, none or field."))
        if "field" in data:
            return self.condition(entity, data, depth)
        if len(data) != 1 or (word := next(iter(data))) not in ("all", "any", "none"):
            raise BadFilter(_("A filter is an object with all, any, none or field."))
        if not isinstance(data[word], list):
            raise BadFilter(_("{word} takes a list of filters.", word=word))
        parts = tuple(self.node(entity, part, depth + 1) for part in data[word])
        return All(parts) if word == "all" else Some(parts) if word == "any" else Not(Some(parts))

    def condition(self, entity: Entity | Child, data: dict[str, Any], depth: int) -> Node:
        self.conditions += 1
        if self.conditions > MOST_CONDITIONS:
            raise BadFilter(_("A filter has at most {count} conditions.", count=MOST_CONDITIONS))
        if extra := set(data) - {"field", "op", "value"}:
            raise BadFilter(_("Unknown key in a condition: {key}.", key=filter_values.shown(min(extra))))
        path = paths.resolve(self.registry, self.actor, entity, data["field"])
        op, value = data.get("op"), data.get("value")
        if path.value is None and not path.counted:
            return self.related(path, op, value, depth)
        field = path.field
        if not field.filterable:
            raise BadFilter(_("{name} cannot be filtered by.", name=path.text))
        if value is None and op in ("is", "is_not"):
            op = "not_empty" if op == "is_not" else "empty"
        if not isinstance(op, str) or op not in field.operators:
            raise filter_values.unknown_operator(path.text, op, field.operators)
        plain = OPPOSITE.get(op, op)
        found = self.tested(path, plain, value)
        return found if plain == op else Not(found)

    def tested(self, path: Path, op: str, value: Any) -> Node:
        tests = filter_values.tests(path, op, value)
        self.arguments += sum(len(arguments) for _test, arguments in tests)
        if self.arguments > MOST_ARGUMENTS:
            raise BadFilter(_("A filter has at most {count} values.", count=MOST_ARGUMENTS))
        if op == "has_all":
            return All(tuple(Test(path, "has_any", (a,)) for a in dict.fromkeys(tests[0][1])))
        nodes = tuple(_test(path, test, arguments) for test, arguments in tests)
        return nodes[0] if len(nodes) == 1 else Some(nodes)

    def related(self, path: Path, op: Any, value: Any, depth: int) -> Node:
        if op not in ("any", "none", "empty", "not_empty"):
            raise filter_values.unknown_operator(path.text, op, ("any", "none", "empty", "not_empty"))
        inner: Node = EVERYTHING
        if op in ("any", "none") and value is not None and value != {}:
            inner = self.node(path.steps[-1].target, value, depth + 1)
        found = Has(path, inner)
        return found if op in ("any", "not_empty") else Not(found)


def _test(path: Path, test: str, values: tuple[Any, ...]) -> Node:
    if test in ("empty", "is_false"):
        return Not(Test(path, "filled" if test == "empty" else "is_true", ()))
    return Test(path, test, values)


def walk(node: Node) -> Iterator[Has | Test]:
    """Yield every test and relation, in the order their arguments are bound."""
    if isinstance(node, All | Some):
        for part in node.parts:
            yield from walk(part)
    elif isinstance(node, Not):
        yield from walk(node.part)
    else:
        yield node
        if isinstance(node, Has):
            yield from walk(node.part)


def check(registry: Registry, actor: Actor, entity: Entity, node: Node) -> None:
    """Raise UnknownField when a parsed filter names what this actor may not know."""

    def below(at: Entity | Child, part: Node) -> None:
        if isinstance(part, All | Some):
            for each in part.parts:
                below(at, each)
        elif isinstance(part, Not):
            below(at, part.part)
        else:
            path = paths.resolve(registry, actor, at, part.path.text)
            if isinstance(part, Has):
                below(path.steps[-1].target, part.part)

    below(entity, node)


def shape(node: Node) -> tuple[Any, ...]:
    """Return what two filters share when the same SQL serves both."""
    if isinstance(node, All | Some):
        return (type(node).__name__, *(shape(part) for part in node.parts))
    if isinstance(node, Not):
        return ("Not", shape(node.part))
    if isinstance(node, Has):
        return ("Has", node.path.text, shape(node.part))
    return (node.test, node.path.text, len(node.arguments))


def arguments(node: Node, moment: Moment) -> list[Any]:
    """Return the values to bind, in order; relative dates and "@me" are settled here."""
    found: list[Any] = []
    for part in walk(node):
        if isinstance(part, Test):
            found += [a.at(moment) if isinstance(a, Later) else a for a in part.arguments]
    return found


def steps_of(node: Node) -> Iterator[tuple[Path, Value | None]]:
    """Yield the path and value of every test and relation."""
    for part in walk(node):
        yield part.path, part.path.value if isinstance(part, Test) else None


def own(node: Node) -> bool:
    """Return whether the record's own columns decide, so that it can be evaluated in memory."""
    return all(isinstance(p, Test) and p.path.own and p.path.field.kind not in ("tags", "links") for p in walk(node))
