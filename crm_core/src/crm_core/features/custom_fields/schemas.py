"""Job calls of custom fields."""

from __future__ import annotations

from crm_core.plugin import JobCall


class IndexRecords(JobCall, frozen=True, kw_only=True):
    """Makes the search rows of all records of an entity anew."""

    entity: str


class RevalueFields(JobCall, frozen=True, kw_only=True):
    """Values the amounts of one currency (ISO 4217) anew that are in custom fields or in fields of plugins."""

    currency: str
