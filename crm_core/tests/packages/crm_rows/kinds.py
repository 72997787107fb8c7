"""A record of any kind of entity, made from its declaration, so that a new entity is in every row by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from typing import Any
from uuid import UUID

from crm_core.entity import records
from crm_core.plugin.declare import Entity
from crm_core.uow import UnitOfWork

NUMBERS = count(1)
GIVEN: dict[str, dict[str, Any]] = {
    # Values that a type alone does not tell. An entity that needs one fails with its message: add it here.
    "core.rate": {"currency": "USD", "valid_from": "2026-01-01"},
    "core.number_series": {"pattern": "N{number}"},
    "core.activity": {"kind": "task"},
    "core.pipeline": {"entity": "core.deal"},
    "core.web_form": {"target": "core.lead"},
    "core.field": {"entity": "core.company", "kind": "text"},
    "core.work_calendar": {"zone": "Europe/Berlin"},
    "core.absence": {"starts_at": "2026-05-04T08:00:00Z", "ends_at": "2026-05-08T16:00:00Z"},
    "core.pool": {"entity": "core.lead"},
    "core.webhook": {"url": "https://hooks.example.test/in", "events": "core.contact.*"},
}


def text_fields(entity: Entity) -> list[Any]:
    """Return the fields of free text that people may set."""
    return [x for x in entity.fields if x.kind in ("text", "long_text") and not x.readonly and not x.hidden]


async def values_for(
    uow: UnitOfWork, entity: Entity, mark: str, owner: UUID | None = None, /, **given: Any
) -> dict[str, Any]:
    """Return what the API takes to make a record: required fields and a title that carries `mark`."""
    found = {**GIVEN.get(entity.name, {}), **given}
    number = next(NUMBERS)
    for one in entity.fields:
        if one.name in found or one.readonly or one.hidden or not (one.required or one.name == entity.title):
            continue
        found[one.name] = await _value(uow, entity, one, mark, number, owner)
    title = entity.field(entity.title)
    # Put together from others, such as a contact's name; that of a comment is the beginning of its body.
    if title is not None and title.readonly and entity.name != "core.comment":
        found[next(x.name for x in text_fields(entity) if x.name.endswith("name"))] = f"{mark} {number}"
    if entity.name == "core.field":
        found["name"] = f"field_{number}"
    if entity.name == "core.rate":
        found["valid_from"] = f"20{number % 70 + 10:02}-{number % 12 + 1:02}-{number % 27 + 1:02}"
    return found


async def _value(uow: UnitOfWork, entity: Entity, one: Any, mark: str, number: int, owner: UUID | None) -> Any:
    if one.kind in ("text", "long_text", "rich_text"):
        return f"{mark} {number}"[: one.length]
    if one.kind in ("link", "any_link"):
        target = uow.registry.entity(one.target if one.kind == "link" else (one.targets or ("core.company",))[0])
        made = await make(uow, target, mark, owner)
        return str(made.id) if one.kind == "link" else f"{target.name}:{made.id}"
    simple = {
        "email": f"{mark.lower()}-{number}@example.test", "phone": "+49 40 1234", "url": "https://example.test",
        "integer": number, "decimal": "1.5", "percent": 10, "money": "5.00", "boolean": False, "date": "2026-05-04",
        "datetime": "2026-05-04T10:00:00Z",
    }  # fmt: skip
    if one.kind == "choice":
        return one.options[0].value
    assert one.kind in simple, f"{entity.name}.{one.name}: add a value for the kind {one.kind} to crm_rows/kinds.py"
    return simple[one.kind]


def form_of(entity: Entity, record: Any) -> dict[str, Any]:
    """Return what a form of this record would send back unchanged, its simple fields."""
    simple = ("text", "long_text", "choice", "link", "stage", "email", "url", "integer", "decimal", "percent", "date")
    given = [(x.name, getattr(record, x.name)) for x in entity.fields if x.kind in simple and not x.readonly]
    found = {k: str(v) for k, v in given if v is not None}
    moments = [(x.name, getattr(record, x.name)) for x in entity.fields if x.kind == "datetime" and not x.readonly]
    found |= {k: f"{v:%Y-%m-%dT%H:%M}" for k, v in moments if v is not None}
    for one in entity.fields:
        if one.kind == "any_link" and getattr(record, f"{one.name}_id") is not None:
            found[one.name] = f"{getattr(record, f'{one.name}_entity')}:{getattr(record, f'{one.name}_id')}"
    return {**found, "version": str(record.version)}


async def make(uow: UnitOfWork, entity: Entity, mark: str, owner: UUID | None = None, /, **given: Any) -> Any:
    """Create a record as the system, owned by `owner` where records of the kind have owners."""
    if owner is not None and entity.field("owner_id") is not None:
        given["owner_id"] = owner
    elif entity.name == "core.absence":  # of somebody, always
        given.setdefault("owner_id", (await make(uow, uow.registry.entity("core.user"), mark)).id)
    values = await values_for(uow, entity, mark, owner, **given)
    if entity.name == "core.file":  # the only kind that is more than its row

        async def content() -> AsyncIterator[bytes]:
            yield mark.encode()

        blob = await uow.kernel.blobs.put(content())
        values |= {"sha256": blob.sha256, "size": blob.size, "media_type": "text/plain"}
    record = await records.create(uow, entity, values, trusted=entity.name == "core.file")
    await uow.settle()
    return record
