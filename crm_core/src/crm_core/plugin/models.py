"""What a plugin builds its tables from: a base of its own, mixins, column types."""

from __future__ import annotations

from crm_core.db.model import Record, Stamp, folded, foreign, package_registry
from crm_core.db.types import ENTITY_NAME, Amount, Id, Json, Ratio, UTCDateTime, new_id, utcnow

__all__ = [
    "ENTITY_NAME", "Amount", "Id", "Json", "Ratio", "Record", "Stamp", "UTCDateTime", "folded", "foreign", "new_id",
    "package_registry", "utcnow",
]  # fmt: skip
