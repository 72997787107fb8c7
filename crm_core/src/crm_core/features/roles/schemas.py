"""What the API says about the rights of a role."""

from __future__ import annotations

from typing import Literal

import msgspec

ScopeName = Literal["none", "own", "team", "all"]
Level = Literal["open", "locked", "hidden"]


class EntityRights(msgspec.Struct):
    """One row of the grid: how far each of the eight verbs reaches. fixed: verbs that no role changes."""

    entity: str
    label: str
    verbs: dict[str, ScopeName]
    scopes: list[ScopeName]
    fixed: list[str] = []


class PermissionOut(msgspec.Struct):
    """A right beyond the verbs of entities."""

    name: str
    label: str
    granted: bool


class RoleRights(msgspec.Struct):
    """What a role may do. fields: only those that are not open."""

    everything: bool
    version: int
    entities: list[EntityRights]
    permissions: list[PermissionOut]
    fields: dict[str, dict[str, Level]]


class RightsChange(msgspec.Struct, forbid_unknown_fields=True):
    """What to change; whatever is not named stays. version: of the role as it was read, if that matters."""

    entities: dict[str, dict[str, ScopeName]] = {}
    permissions: dict[str, bool] = {}
    fields: dict[str, dict[str, Level]] = {}
    version: int | None = None
