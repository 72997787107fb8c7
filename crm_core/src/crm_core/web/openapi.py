"""The description of the REST API: Litestar's, with the shapes, limits, errors and examples that declarations know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import msgspec
from litestar import Litestar, Request
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.routes import HTTPRoute

from crm_core.entity import fields as f
from crm_core.entity.schemas import schemas
from crm_core.i18n import LOCALES, show
from crm_core.plugin.declare import Child, Entity
from crm_core.plugin.registry import Registry
from crm_core.web import samples
from crm_core.web.rest import API, MOST, BulkAnswer

LOCALE = LOCALES[0]
REF = "#/components/schemas/{name}"
ABOUT = f"""\
Everything the pages can do. Send a token as `Authorization: Bearer …`; what it may do are its person's rights, narrowed
by its scopes.

**Lists** take `filter`, `q`, `sort`, `fields`, `expand`, `limit` and `cursor`. `next` of an answer is the cursor of the
page after it; there are no page numbers, so that a page deep in a list costs what the first does.

**Changes** carry the `version` they were made from (`If-Match`, or `version` in the body). Changes of different fields
are merged; of the same field the answer is 409 with both values.

**Repeating** a POST with the same `Idempotency-Key` gives the first answer again and does nothing twice.

**Bulk** calls take up to {MOST} ids and answer with one result per record.

**Errors** are `application/problem+json`: `code` for programs, `detail` for people, `fields` for forms.
"""
PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "What kind of problem, in words"},
        "status": {"type": "integer", "description": "The HTTP status"},
        "code": {"type": "string", "description": "What it is for programs; see the reference of errors"},
        "detail": {"type": "string", "description": "What it is for people, in their language"},
        "fields": {"type": "object", "additionalProperties": {"type": "string"}, "description": "By field"},
    },
    "examples": [{"type": "about:blank", "title": "Not acceptable", "status": 422, "code": "core.invalid",
                  "detail": "Some values are not acceptable.", "fields": {"name": "This field is required."}}],
}  # fmt: skip
ERRORS = {
    "400": ("BadRequest", "The request cannot be read or does not fit the schema"),
    "401": ("Unauthenticated", "No token or session, or one that is no longer good"),
    "403": ("Forbidden", "The right is missing"),
    "404": ("NotFound", "There is no such record, or it may not be seen"),
    "405": ("MethodNotAllowed", "Not with this method"),
    "409": ("Conflict", "Changed meanwhile, already in use, or not possible in this state"),
    "413": ("TooLarge", "The body is too large"),
    "422": ("Invalid", "The values are not acceptable; `fields` says which"),
    "429": ("RateLimited", "Too many requests; `Retry-After` says when to come back"),
    "503": ("Unavailable", "The database is away or busy for a moment; `Retry-After` says when to come back"),
}
LIST: dict[str, tuple[dict[str, Any], str]] = {
    "filter": ({"type": "string", "examples": ['{"field": "city", "op": "is", "value": "Lisbon"}']},
               "JSON of the filter language: a test, or `all`, `any`, `none` with a list of filters"),
    "q": ({"type": "string"}, "Words to search for; the beginning of each is enough"),
    "sort": ({"type": "string", "examples": ["-created_at"]}, "A sortable field, with `-` in front for descending"),
    "fields": ({"type": "string", "examples": ["name,owner_id"]}, "The keys to answer with, separated by commas"),
    "expand": ({"type": "string", "examples": ["company"]}, "Links whose records are answered along"),
    "limit": ({"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "How many records"),
    "cursor": ({"type": "string"}, "`next` of the page before"),
    "count": ({"type": "boolean", "default": False}, "Answer with `count`, the number of records (10,000 at most)"),
    "deleted": ({"type": "boolean", "default": False}, "The trash instead of the live records"),
    "format": ({"type": "string", "enum": ["csv", "xlsx"], "default": "csv"}, "The kind of file"),
    "labels": ({"type": "boolean", "default": False}, "Column titles in words instead of keys"),
}  # fmt: skip


class DescribedJson(JsonRenderPlugin):
    """Serves the description; made at the first request."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return msgspec.json.encode(description(request.app))


def description(app: Litestar) -> dict[str, Any]:
    """Return the OpenAPI document of an application, made once."""
    found: dict[str, Any] | None = app.state.get("description")
    if found is None:
        found = app.state.description = describe(app)
    return found


def describe(app: Litestar) -> dict[str, Any]:
    """Return Litestar's description with what the declarations know."""
    registry: Registry = app.state.web.registry
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(app.openapi_schema.to_schema()))
    document["info"]["description"] = ABOUT
    handlers = dict(_handlers(app))
    known = document["components"].setdefault("schemas", {})
    known |= _bodies(handlers.values()) | _shapes(registry) | {"Problem": PROBLEM}
    document["components"]["responses"] = {name: _problem(text) for name, text in ERRORS.values()}
    entities = {e.path: e for e in registry.entities.values()}
    for path, method, operation in operations(document):
        entity = entities.get(path.removeprefix(f"{API}/").partition("/")[0])
        if entity is not None and operation.get("operationId"):
            _entity(registry, entity, operation, known)
        _plain(operation)
        if handlers[path, method].opt.get("public"):
            operation["security"] = []
        _errors(method, operation)
        _headers(method, operation)
        if method != "get":
            _cause(operation)
    document["tags"] = [{"name": str(e.plural)} for e in sorted(registry.entities.values(), key=lambda e: e.order)]
    return document


def _handlers(app: Litestar) -> Iterator[tuple[tuple[str, str], HTTPRouteHandler]]:
    """Yield ((path, method), handler) of every route that is described."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _signature) in route.route_handler_map.items():
                yield (route.path_format, method.lower()), handler


def _bodies(handlers: Iterable[HTTPRouteHandler]) -> dict[str, Any]:
    """Return the schemas of the structs that bodies are read into: they say that unknown keys are refused."""
    taken = {h.parsed_data_field.annotation for h in handlers if h.parsed_data_field is not None}
    kinds = [kind for kind in taken if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    found: dict[str, Any] = {}
    for kind in kinds:
        with suppress(TypeError):  # an upload, which no JSON schema has a word for
            found |= msgspec.json.schema_components([kind], ref_template=REF)[1]
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (path, method, operation) of a document."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and "responses" in operation:
                yield path, method, operation


def _shapes(registry: Registry) -> dict[str, Any]:
    """Return the JSON schemas of what entities send and take, with titles, limits and examples of their fields."""
    made = {e: schemas(registry, e) for e in registry.entities.values()}
    kinds = [kind for s in made.values() for kind in (s.out, s.create, s.update)]
    _refs, found = msgspec.json.schema_components([*kinds, BulkAnswer], ref_template=REF)
    for entity, shape in made.items():
        for kind in (shape.out, shape.create, shape.update):
            _fields(registry, entity, found[kind.__name__]["properties"])
        for child in entity.children:
            _parts(found, shape.out.__name__, child)
        found[shape.out.__name__]["examples"] = [samples.record(registry, entity)]
        keys = set(found[shape.create.__name__]["properties"])
        found[shape.create.__name__]["examples"] = [samples.body(registry, entity, keys)]
        found[shape.update.__name__]["examples"] = [{"version": 1, **_first(registry, entity, keys)}]
        name = shape.out.__name__
        found[f"{name}List"] = {
            "type": "object",
            "required": ["items", "next"],
            "properties": {
                "items": {"type": "array", "items": {"$ref": REF.format(name=name)}},
                "next": {"type": ["string", "null"], "description": "The cursor of the next page; null on the last"},
                "count": {"type": "integer", "description": "Only when asked for"},
            },
        }
    return found


def _first(registry: Registry, entity: Entity, keys: set[str]) -> dict[str, Any]:
    return dict(list(samples.body(registry, entity, keys).items())[:1])


def _fields(registry: Registry, entity: Entity, properties: dict[str, Any]) -> None:
    for field in registry.fields(entity):
        for key, value in samples.values(field).items():
            if key in properties:
                properties[key] = {**properties[key], **about(field, key), "examples": [value]}


def _parts(found: dict[str, Any], name: str, child: Child) -> None:
    shape = found[f"{name}{child.name.removesuffix('s').capitalize()}"]["properties"]
    for field in child.fields:
        if field.name in shape:
            shape[field.name] = {**shape[field.name], **about(field, field.name)}


def about(field: f.Field, key: str) -> dict[str, Any]:
    """Return title, help and limits of a field's key."""
    found: dict[str, Any] = {"title": show(field.label, LOCALE)}
    if field.help is not None:
        found["description"] = show(field.help, LOCALE)
    if isinstance(field, f.Choice) and field.options:
        known = "; ".join(f"`{o.value}` {show(o.label, LOCALE)}" for o in field.options)
        found["description"] = ". ".join(t for t in (found.get("description", ""), known) if t)
    if isinstance(field, f.Text | f.LongText) and key == field.name:
        found["maxLength"] = field.length
    if isinstance(field, f.Link | f.Links) and field.target:
        found["x-target"] = field.target
    if field.readonly or key.endswith("_base"):
        found["readOnly"] = True
    return found


def _problem(text: str) -> dict[str, Any]:
    schema = {"$ref": REF.format(name="Problem")}
    return {"description": text, "content": {"application/problem+json": {"schema": schema}}}


def _entity(registry: Registry, entity: Entity, operation: dict[str, Any], known: dict[str, Any]) -> None:
    """Say what an entity's own routes take and answer; routes of its actions answer with the record at least."""
    name, noun = schemas(registry, entity).out.__name__, entity.noun
    shapes = {
        f"list_{entity.path}": f"{name}List", f"create_{noun}": name, f"get_{noun}": name, f"update_{noun}": name,
        f"restore_{noun}": name, f"bulk_{entity.path}": "BulkAnswer",
    }  # fmt: skip
    shape = shapes.get(operation["operationId"])
    good = next((s for s in operation["responses"] if s.startswith("2")), None)
    if good is not None and shape in known:
        answer = operation["responses"][good]
        answer["content"] = {"application/json": {"schema": {"$ref": REF.format(name=shape)}}}
        if shape == name:
            answer["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "The version, for If-Match"}}
    elif good is not None and operation["operationId"] == f"export_{entity.path}":
        binary = {"schema": {"type": "string", "format": "binary"}}
        xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        operation["responses"][good]["content"] = {"text/csv": {"schema": {"type": "string"}}, xlsx: binary}
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query" and parameter["name"] in LIST:
            parameter["schema"], parameter["description"] = LIST[parameter["name"]]


def _plain(operation: dict[str, Any]) -> None:
    """Say nothing about answers that Litestar takes for text because they are ready bytes."""
    for response in operation["responses"].values():
        if response.get("content", {}).get("application/json", {}).get("schema") == {"type": "string"}:
            response["content"] = {"application/json": {"schema": {}}}


def _errors(method: str, operation: dict[str, Any]) -> None:
    """Refer to the problems a route can answer with."""
    found = ["400", "401", "403", "404", "429", "503"]
    if method in ("post", "patch", "put", "delete"):
        found += ["409", "413", "422"]
    elif operation.get("parameters"):
        found.append("422")
    kept = {s: r for s, r in operation["responses"].items() if s.startswith(("2", "3"))}
    problems = {s: {"$ref": f"#/components/responses/{ERRORS[s][0]}"} for s in sorted(found)}
    operation["responses"] = {**kept, **problems}


def _cause(operation: dict[str, Any]) -> None:
    """Say that what a write changed is answered with the id under which it can be undone."""
    about = "What groups the changes of this request, for POST /undo; missing when nothing was changed"
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            headers = {"Cause-Id": {"schema": {"type": "string", "format": "uuid"}, "description": about}}
            response["headers"] = {**response.get("headers", {}), **headers}


def _headers(method: str, operation: dict[str, Any]) -> None:
    """Add the headers every writing route understands."""
    text = {"type": "string"}
    parameters = operation.setdefault("parameters", [])
    if method == "post" and "requestBody" in operation:
        about = "A key of your own: the same call with the same key is done once"
        parameters.append({"name": "Idempotency-Key", "in": "header", "schema": text, "description": about})
    if method == "patch":
        about = "The version the change was made from, as ETag gave it"
        parameters.append({"name": "If-Match", "in": "header", "schema": text, "description": about})
