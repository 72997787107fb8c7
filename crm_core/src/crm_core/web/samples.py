"""Example values of fields, for the API's description: made from declarations, the same at every start."""

from __future__ import annotations

from typing import Any

from crm_core.entity import fields as f
from crm_core.plugin.declare import Child, Entity
from crm_core.plugin.registry import Registry

UUID = "0197f3c2-5b7e-7c1a-9d43-2f6a8b1c4e5d"
INSTANT = "2026-03-14T09:30:00Z"
NAMES = {
    "name": "Harbour Tools", "first_name": "Ada", "last_name": "Lovelace", "city": "Lisbon", "country": "PT",
    "subject": "Call about the offer", "job_title": "Head of purchasing", "website": "https://example.com",
    "phone": "+351 21 123 4567", "zone": "Europe/Lisbon", "locale": "en", "currency": "USD", "rate": "0.92",
    "entity": "core.deal", "department": "Purchasing", "language": "en", "street": "Rua do Cais 12",
    "product": "GTX Pro", "reference": "D-1042", "lost_reason": "Price", "source": "Fair", "location": "Lisbon",
    "postcode": "1100-148", "number": "+351 21 123 4567", "address": "ada@example.com",
}  # fmt: skip
KINDS: dict[str, Any] = {
    "integer": 3, "decimal": "12.5", "percent": "40", "money": "12500.00", "date": "2026-03-14", "datetime": INSTANT,
    "appointment": INSTANT, "boolean": True, "email": "ada@example.com", "phone": "+351 21 123 4567",
    "url": "https://example.com", "link": UUID, "links": [UUID], "tags": ["vip"], "file": UUID, "stage": UUID,
    "any_link": f"core.company:{UUID}", "long_text": "Asked for a second offer.", "rich_text": "<p>Asked again.</p>",
}  # fmt: skip


def sample(field: f.Field) -> Any:
    """Return an example value of a field as the API sends it."""
    if isinstance(field, f.Choice | f.MultiChoice):
        first = field.options[0].value if field.options else "other"
        return first if isinstance(field, f.Choice) else [first]
    if field.name in NAMES and field.python is str:
        return NAMES[field.name]
    return KINDS.get(field.kind, "text")


def values(field: f.Field) -> dict[str, Any]:
    """Return the example values of all keys of a field."""
    if isinstance(field, f.Money):
        return {field.name: sample(field), f"{field.name}_currency": "EUR", f"{field.name}_base": sample(field)}
    if isinstance(field, f.Appointment):
        return {field.name: sample(field), field.zone_column: "Europe/Lisbon"}
    return {field.name: sample(field)}


def record(registry: Registry, entity: Entity) -> dict[str, Any]:
    """Return an example of a record as the API answers it."""
    found: dict[str, Any] = {"id": UUID, "version": 1, "created_at": INSTANT, "updated_at": INSTANT}
    for field in registry.fields(entity):
        found |= values(field)
    return found | {child.name: [_row(child)] for child in entity.children}


def body(registry: Registry, entity: Entity, keys: set[str]) -> dict[str, Any]:
    """Return an example of what creates a record: what is required, and the first few of what is not."""
    found: dict[str, Any] = {}
    for field in registry.fields(entity):
        if field.required or (len(found) < 6 and not field.readonly and field.kind not in ("stage", "file")):
            found |= {k: v for k, v in values(field).items() if k in keys}
    return found | {child.name: [_row(child)] for child in entity.children if child.name in keys}


def _row(child: Child) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in child.fields:
        found |= values(field)
    return found
