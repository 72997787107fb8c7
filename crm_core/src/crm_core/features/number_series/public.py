"""What others use of number series: `number = await next_number(uow, "quotes.quote", on=quote.dated_on)`."""

from __future__ import annotations

from crm_core.features.number_series.actions import NumbersUsedUp, ensure_series, next_number
from crm_core.features.number_series.models import LegalEntity
from crm_core.features.number_series.queries import NumberSeriesMissing, default_entity, preview, series_of

__all__ = [
    "LegalEntity", "NumberSeriesMissing", "NumbersUsedUp", "default_entity", "ensure_series", "next_number", "preview",
    "series_of",
]  # fmt: skip
