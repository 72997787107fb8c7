"""What holds for every exchange rate, however it is made, changed or imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.entity.money import CODES, MoneySettings, Rate
from crm_core.errors import Conflict, Invalid
from crm_core.plugin import Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class RateThere(Conflict):
    """A currency has one rate a day at most."""


async def validate(uow: UnitOfWork, rate: Rate, changed: frozenset[str]) -> None:
    """Refuse currencies that ISO 4217 does not know, the base currency, and a second rate from the same day on."""
    rate.currency = rate.currency.upper()
    if rate.currency not in CODES:
        text = _("There is no currency {code}.", code=rate.currency)
        raise Invalid(text, fields={"currency": text})
    if rate.currency == (await uow.settings(MoneySettings)).base_currency:
        text = _("{code} is the base currency. Its rate is always 1.", code=rate.currency)
        raise Invalid(text, fields={"currency": text})
    if changed & {"currency", "valid_from"}:
        same = sa.select(Rate.id).where(
            Rate.currency == rate.currency, Rate.valid_from == rate.valid_from, Rate.id != rate.id,
            Rate.deleted_at.is_(None),
        )  # fmt: skip
        if await uow.session.scalar(same.limit(1)) is not None:
            text = _("{code} has a rate from this day on already.", code=rate.currency)
            raise RateThere(text, fields={"valid_from": text})
