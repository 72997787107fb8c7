"""Routes that a plugin adds to every entity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from crm_core.plugin.declare import Entity


@dataclass(frozen=True, slots=True)
class EntityRoutes:
    """Routes that every entity gets: `make(registry, entity)` returns handlers, called once for each at start.

    Their `opt` names a `permission`, and `kind` "api" or "page".
    """

    name: str
    make: Callable[[Any, Entity], Sequence[Any]]
