"""What a plugin may declare under its name: everything it owns starts with it, and hooks give what they promise."""

from __future__ import annotations

import typing
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from types import ModuleType
from typing import Any

from sqlalchemy.orm import Mapper

from crm_core.plugin.registry import PluginInfo

# Names kept in the database or shown to others; an author's word for "mine" has to be in them.
NAMED = (
    "crm_entities", "crm_permissions", "crm_events", "crm_settings", "crm_defaults", "crm_schedules", "crm_demo_data",
    "crm_checks", "crm_mail_transports", "crm_event_sinks", "crm_entity_routes", "crm_handovers",
    "crm_notification_kinds",
)  # fmt: skip


def check_marks(module: ModuleType, known: Collection[str]) -> None:
    """Raise TypeError for a function that looks like a hook, but is not marked (pluggy would pass it over) or known."""
    for name, value in vars(module).items():
        if name.startswith("crm_") and callable(value) and getattr(value, "__module__", None) == module.__name__:
            if not hasattr(value, "crm_impl"):
                raise TypeError(f"{name} needs @hookimpl")
            if name not in known and (close := get_close_matches(name, known, 1)):
                raise TypeError(f"unknown hook {name!r}, did you mean {close[0]}?")


def check_values(hook: Any, given: Any) -> Sequence[Any]:
    """Return what a hook gave; TypeError unless it is a sequence of what the hook's specification promises."""
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise TypeError(f"{hook.name} must return a sequence, not {given!r}")
    wanted = _wanted(hook)
    for value in given:
        if wanted is not None and not isinstance(value, wanted):
            raise TypeError(f"{hook.name} must give {wanted.__name__}, not {value!r}")
    return given


def _wanted(hook: Any) -> type | None:
    """Return the type of the values in a specification's return annotation, None where it cannot be read."""
    if hook.spec is None:
        return None
    try:
        promised = typing.get_type_hints(hook.spec.function).get("return")
    except NameError:  # names imported for type checkers only
        return None
    inside = typing.get_args(promised)
    return inside[0] if inside and isinstance(inside[0], type) else None


def check_names(values: Mapping[str, Sequence[Any]], info: PluginInfo) -> None:
    """Raise ValueError for the first thing that does not start with the plugin's name."""
    own = info.name
    for hook in NAMED:
        for value in values.get(hook, ()):
            _demand(value.name.startswith(f"{own}."), f"{hook}: {value.name!r} must start with '{own}.'")
    for entity in values.get("crm_entities", ()):
        _demand(entity.path.startswith(own), f"path {entity.path!r} of {entity.name} must start with '{own}'")
    for extension in values.get("crm_fields", ()):
        name = extension.field.name
        _demand(name.startswith(f"{own}_"), f"field {name!r} on {extension.entity} must start with '{own}_'")
        _demand(
            (extension.model is None) != (extension.sql is None), f"field {name!r} needs a model or sql, one of them"
        )
    for controller in values.get("crm_routes", ()):
        path = str(getattr(controller, "path", "") or "").lstrip("/")
        _demand(path.startswith(own), f"path {path!r} of {controller.__name__} must start with '/{own}'")


def check_tables(mappers: Sequence[Mapper[Any]], info: PluginInfo) -> None:
    """Raise ValueError for a model whose table does not start with the plugin's name."""
    for mapper in mappers:
        name = str(getattr(mapper.local_table, "name", ""))
        _demand(name.startswith(f"{info.name}_"), f"table {name!r} must start with '{info.name}_'")


def check_targets(values: Mapping[str, Sequence[Any]], entities: Mapping[str, Any]) -> None:
    """Raise ValueError for an action or a field on an entity that is not there (yet): that needs a bridge."""
    for hook in ("crm_actions", "crm_fields"):
        for value in values.get(hook, ()):
            _demand(value.entity in entities, f"{hook}: there is no entity {value.entity!r}")


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
