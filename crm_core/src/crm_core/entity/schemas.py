"""msgspec structs made from an entity: what the API sends and takes. Names are readable in OpenAPI."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Union
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from crm_core.entity import fields as f
from crm_core.plugin.declare import Child, Entity
from crm_core.plugin.registry import Registry


class Schemas(msgspec.Struct, frozen=True):
    """The three shapes of one entity. Out: every key may be missing (sparse `fields=`)."""

    out: type[msgspec.Struct]
    create: type[msgspec.Struct]
    update: type[msgspec.Struct]


@lru_cache(maxsize=256)
def schemas(registry: Registry, entity: Entity) -> Schemas:
    """Return the structs of an entity, extension fields of plugins included."""
    name = "".join(p.capitalize() for p in entity.name.removeprefix("core.").replace(".", "_").split("_"))
    fields = registry.fields(entity)
    out: list[Any] = [("id", UUID), ("version", int, UNSET), ("created_at", datetime | UnsetType, UNSET),
                      ("updated_at", datetime | UnsetType, UNSET)]  # fmt: skip
    create: list[Any] = []
    update: list[Any] = [("version", int | UnsetType, UNSET)]
    for field in (x for x in fields if not x.name.startswith("custom.")):  # those are under one key
        for key, kind in keys(field):
            out.append((key, Union[kind, None, UnsetType], UNSET))  # noqa: UP007 - built at run time
            if field.readonly or field.hidden or (key.endswith("_base") and field.kind == "money"):
                continue
            must = field.required and key == field.name and field.default is None
            create.append((key, kind) if must else (key, Union[kind, None, UnsetType], UNSET))  # noqa: UP007
            update.append((key, Union[kind, None, UnsetType], UNSET))  # noqa: UP007
    for child in entity.children:
        rows: Any = list.__class_getitem__(_child(name, child))
        out.append((child.name, rows | UnsetType, UNSET))
        create.append((child.name, rows | UnsetType, UNSET))
        update.append((child.name, rows | UnsetType, UNSET))
    for shape in (out, create, update):
        shape.append(("custom", dict[str, Any] | UnsetType, UNSET))
    return Schemas(
        msgspec.defstruct(name, out, kw_only=True, module=__name__),
        msgspec.defstruct(f"{name}Create", create, kw_only=True, forbid_unknown_fields=True, module=__name__),
        msgspec.defstruct(f"{name}Update", update, kw_only=True, forbid_unknown_fields=True, module=__name__),
    )


def keys(field: f.Field) -> list[tuple[str, Any]]:
    """Return the API keys of a field with their types."""
    if isinstance(field, f.Money):
        return [
            (field.name, field.python),
            (f"{field.name}_currency", Annotated[str, Meta(min_length=3, max_length=3)]),
            (f"{field.name}_base", field.python),
        ]
    if isinstance(field, f.Appointment):
        return [(field.name, Annotated[datetime, Meta(tz=True)]), (field.zone_column, str)]
    if isinstance(field, f.DateTime):
        return [(field.name, Annotated[datetime, Meta(tz=True)])]
    return [(field.name, field.python)]


def _child(parent: str, child: Child) -> type[msgspec.Struct]:
    columns: list[Any] = [("id", UUID | UnsetType, UNSET)]
    for field in child.fields:
        for key, kind in keys(field):
            columns.append((key, kind) if field.required else (key, Union[kind, None, UnsetType], UNSET))  # noqa: UP007
    noun = child.name.removesuffix("s").capitalize()
    return msgspec.defstruct(f"{parent}{noun}", columns, kw_only=True, forbid_unknown_fields=True, module=__name__)


def given(struct: msgspec.Struct) -> dict[str, Any]:
    """Return the keys a caller sent, children as plain dicts."""
    found = {}
    for name in struct.__struct_fields__:
        if (value := getattr(struct, name)) is not UNSET:
            rows = isinstance(value, list) and value and isinstance(value[0], msgspec.Struct)
            found[name] = [given(v) for v in value] if rows else value
    return found
