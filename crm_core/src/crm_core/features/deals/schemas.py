"""What the API of deals answers beyond records."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec


class Period(msgspec.Struct):
    """Days from `first` to `last`, both included."""

    name: str
    first: date
    last: date


class ForecastRow(msgspec.Struct):
    """Sums in the base currency.

    won: closed in the period. open: expected to close in it. weighted: open times probability. commit and
    best_case: won, and what is open from the probability of the settings on.
    """

    id: UUID | None
    label: str
    deals: int
    won: Decimal
    commit: Decimal
    best_case: Decimal
    weighted: Decimal
    open: Decimal


class Forecast(msgspec.Struct):
    """A forecast; `missing_rates` are currencies whose amounts have no base amount and are not in the sums.

    unrated_by_currency: how many deals that are, by currency.
    """

    period: Period
    group: str
    currency: str
    commit_from: int
    best_case_from: int
    rows: list[ForecastRow]
    total: ForecastRow
    missing_rates: list[str]
    unrated_by_currency: dict[str, int]
