"""The API's description cut into what the page shows: groups of operations with their fields and examples."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from crm_core.web.openapi import operations


@dataclass(frozen=True, slots=True)
class Row:
    """One parameter or key: name, type in words, whether it must be given, what it is."""

    name: str
    kind: str
    required: bool
    about: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One call. `body` and `answer` are examples as JSON text, "" for none."""

    id: str
    method: str
    path: str
    summary: str
    about: str
    parameters: list[Row]
    keys: list[Row]
    body: str
    answer: str
    errors: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Group:
    """The operations of one tag."""

    name: str
    operations: list[Operation] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """Return the name of its place on the page."""
        return "group-" + "".join(c if c.isalnum() else "-" for c in self.name.lower())


def groups(document: dict[str, Any]) -> list[Group]:
    """Return all operations by their first tag, entities in menu order, then the others by name."""
    found: dict[str, Group] = {t["name"]: Group(t["name"]) for t in document["tags"]}
    others: dict[str, Group] = {}
    for path, method, operation in operations(document):
        name = (operation.get("tags") or ["Other"])[0]
        group = found.get(name) or others.setdefault(name, Group(name))
        group.operations.append(read(document, path, method, operation))
    return [g for g in (*found.values(), *(others[n] for n in sorted(others))) if g.operations]


def read(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Operation:
    """Return one operation as the page shows it."""
    content: dict[str, Any] = operation.get("requestBody", {}).get("content", {})
    taken: dict[str, Any] = next(iter(content.values()), {})
    body = resolved(document, taken.get("schema", {}))
    good: dict[str, Any] = next((r for s, r in operation["responses"].items() if s.startswith("2")), {})
    schema = resolved(document, good.get("content", {}).get("application/json", {}).get("schema", {}))
    errors = [
        (status, resolved(document, answer).get("description", ""))
        for status, answer in operation["responses"].items()
        if not status.startswith("2")
    ]
    return Operation(
        id=str(operation.get("operationId", f"{method}-{path}")), method=method.upper(), path=path,
        summary=operation.get("summary", ""), about=operation.get("description", ""),
        parameters=[_parameter(p) for p in operation.get("parameters", ())],
        keys=_keys(document, body), body=_example(body) if body else "",
        answer=_example(listed(document, schema)) if schema else "", errors=errors,
    )  # fmt: skip


def listed(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with an example made from its items' when it is a page of a list."""
    items = schema.get("properties", {}).get("items", {}).get("items", {})
    if "examples" in schema or not items:
        return schema
    one = resolved(document, items).get("examples")
    return {**schema, "examples": [{"items": one, "next": None}]} if one else schema


def resolved(document: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference leads to, or the thing itself."""
    if "$ref" not in found:
        return found
    at: Any = document
    for part in found["$ref"].removeprefix("#/").split("/"):
        at = at[part]
    return at  # type: ignore[no-any-return]  # a part of a JSON document


def _example(schema: dict[str, Any]) -> str:
    examples = schema.get("examples") or []
    return json.dumps(examples[0], indent=2, ensure_ascii=False) if examples else ""


def _parameter(found: dict[str, Any]) -> Row:
    schema = found.get("schema", {})
    place = {"header": "header", "path": "path"}.get(found["in"], "")
    kind = ", ".join(t for t in (words(schema), place) if t)
    return Row(found["name"], kind, bool(found.get("required")), found.get("description", ""))


def _keys(document: dict[str, Any], schema: dict[str, Any]) -> list[Row]:
    required = set(schema.get("required", ()))
    return [
        Row(name, words(resolved(document, one)), name in required, one.get("description") or one.get("title", ""))
        for name, one in schema.get("properties", {}).items()
    ]


def words(schema: dict[str, Any]) -> str:
    """Return a type in words: "string", "string (uuid)", "integer or null", "list of string"."""
    if some := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(words(s) for s in some))
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    kind = schema.get("type", "")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"list of {words(schema.get('items', {})) or 'anything'}"
    known = ", ".join(str(v) for v in schema.get("enum", ()))
    detail = known or schema.get("format", "")
    return f"{kind} ({detail})" if detail else str(kind)
