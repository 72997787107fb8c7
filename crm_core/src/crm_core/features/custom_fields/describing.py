"""Custom fields as JSON schema, put into the description that the declarations give."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
from litestar import Litestar

from crm_core.auth.actor import Actor
from crm_core.entity import fields as f
from crm_core.entity.custom_fields import PREFIX
from crm_core.entity.schemas import keys, schemas
from crm_core.plugin.declare import Entity
from crm_core.plugin.registry import Registry
from crm_core.web import samples
from crm_core.web.openapi import about, description


def described(app: Litestar, registry: Registry, actor: Actor) -> dict[str, Any]:
    """Return the API's description with the custom fields that an actor may read."""
    document = description(app)
    known = dict(document["components"]["schemas"])
    for name in registry.custom:
        entity = registry.entities[name]
        shape = schemas(registry, entity)
        for kind, changing in ((shape.out, False), (shape.create, True), (shape.update, True)):
            before = known[kind.__name__]
            custom = schema(registry, entity, actor, changing=changing)
            known[kind.__name__] = {**before, "properties": {**before["properties"], "custom": custom}}
    return {**document, "components": {**document["components"], "schemas": known}}


def schema(registry: Registry, entity: Entity, actor: Actor, *, changing: bool) -> dict[str, Any]:
    """Return the JSON schema of `custom` for an entity, of an answer or of a body."""
    properties: dict[str, Any] = {}
    required = []
    for one in registry.custom.get(entity.name, ()):
        field = one.field
        may = actor.may_set if changing else actor.may_see
        if one.archived or not may(entity.name, field.name):
            continue
        examples = samples.values(field)
        amount = isinstance(field, f.Money)
        rate = [(f"{field.name}_rate", Decimal), (f"{field.name}_rate_on", date)] if amount else []
        for key, python in (*keys(field), *rate):
            readonly = amount and key not in (field.name, f"{field.name}_currency")
            if changing and readonly:
                continue
            kind = msgspec.json.schema(python | None if changing else python)
            shown = {**kind, **about(field, key), **({"readOnly": True} if readonly else {})}
            if key in examples:
                shown["examples"] = [examples[key]]
            properties[key.removeprefix(PREFIX)] = shown
        if field.required and changing:
            required.append(one.key)
    text = "Custom fields; those without a value are left out."
    if changing:
        text = "Custom fields to set; null empties one, those not named stay. Required ones: " + (
            ", ".join(required) or "none."
        )
    return {"type": "object", "title": "Custom fields", "description": text, "properties": properties,
            "additionalProperties": False}  # fmt: skip
