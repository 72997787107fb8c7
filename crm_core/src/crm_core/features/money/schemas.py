"""What the jobs of exchange rates are called with."""

from __future__ import annotations

from crm_core.plugin import JobCall


class RevalueAmounts(JobCall, frozen=True):
    """Computes the base amounts of one currency (ISO 4217) anew, after one of its rates changed."""

    currency: str
