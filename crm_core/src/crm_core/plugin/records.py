"""How a plugin reads and changes records: with the actor's rights, with events, search and history."""

from __future__ import annotations

from crm_core.entity.access import get, rows
from crm_core.entity.bulk import bulk_update
from crm_core.entity.records import create, delete, restore, update
from crm_core.entity.stages import move_stage

__all__ = ["bulk_update", "create", "delete", "get", "move_stage", "restore", "rows", "update"]
