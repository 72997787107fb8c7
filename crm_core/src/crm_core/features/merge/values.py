"""Reading a record's API values by key, those of custom fields included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CUSTOM = "custom."


def told(row: Mapping[str, Any], key: str) -> Any:
    """Return the value of "city" or "custom.region" among a record's API values; None where there is none."""
    if key.startswith(CUSTOM):
        own = row.get("custom")
        return own.get(key.removeprefix(CUSTOM)) if isinstance(own, Mapping) else None
    return row.get(key)
