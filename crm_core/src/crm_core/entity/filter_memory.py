"""Filters on values in memory: a record's own columns, or an event's before and after.

Gives what the SQL gives; a property test holds the two equal. Relations, tags and links are not here:
`query.matches` asks the database for those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_core.entity import columns, custom_values
from crm_core.entity.custom_fields import custom_of
from crm_core.entity.filter_values import Later, Moment, spaced, text_key
from crm_core.entity.filters import All, Has, Node, Not, Some, Test


class NeedsDatabase(RuntimeError):
    """The filter names relations, tags, links or computed fields: ask with `query.matches`."""


def matches(node: Node, values: Mapping[str, Any], moment: Moment) -> bool:
    """Return whether a filter holds for values by model attribute; a missing attribute is empty."""
    if isinstance(node, All):
        return all(matches(p, values, moment) for p in node.parts)
    if isinstance(node, Some):
        return any(matches(p, values, moment) for p in node.parts)
    if isinstance(node, Not):
        return not matches(node.part, values, moment)
    if isinstance(node, Has) or not node.path.own or node.path.value is None:
        raise NeedsDatabase(node.path.text)
    arguments = [a.at(moment) if isinstance(a, Later) else a for a in node.arguments]
    return _test(node, arguments, values)


def _test(node: Test, arguments: list[Any], values: Mapping[str, Any]) -> bool:
    value = node.path.value
    assert value is not None
    field = value.field
    if custom_of(value) is None:
        found = values.get(value.attribute)
    else:
        found = custom_values.typed(field, custom_values.held(values, value.attribute))
    if field.kind in ("text", "email", "phone", "url", "long_text", "rich_text"):
        return _text(node, arguments, found)
    if field.kind in ("tags", "links"):
        raise NeedsDatabase(node.path.text)
    if field.kind == "multi_choice":
        return bool(found) if node.test == "filled" else not set(found or ()).isdisjoint(arguments)
    if field.kind == "any_link":
        entity, key = values.get(f"{field.name}_entity"), values.get(f"{field.name}_id")
        return key is not None and (node.test == "filled" or [entity, key] == arguments)
    return compared(node.test, found, arguments)


def compared(test: str, found: Any, arguments: list[Any]) -> bool:
    """Return the outcome of a plain test; an empty value meets none."""
    if found is None:
        return False
    match test:
        case "is" | "in":
            return found in arguments
        case "gt":
            return bool(found > arguments[0])
        case "gte":
            return bool(found >= arguments[0])
        case "lt":
            return bool(found < arguments[0])
        case "lte":
            return bool(found <= arguments[0])
        case "between":
            return bool(arguments[0] <= found <= arguments[1])
        case "range":
            return bool(arguments[0] <= found < arguments[1])
        case "is_true":
            return found is True
        case _:  # "filled"
            return True


def _text(node: Test, arguments: list[Any], found: Any) -> bool:
    value = node.path.value
    assert value is not None
    twin = columns.twin_of(value)
    if twin is None or not isinstance(found, str):
        return bool(found)
    key = text_key(value.field, found, twin[1])
    match node.test:
        case "filled":
            return bool(key)
        case "contains":
            return all(a in key for a in arguments)
        case "has_words":
            return all(a in spaced(key) for a in arguments)
        case "starts":
            return key.startswith(arguments[0])
        case "lt" | "lte":
            return bool(key) and compared(node.test, key, arguments)
        case _:
            return compared(node.test, key, arguments)
