"""Currencies, dated rates, and the base amounts computed from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
from babel.numbers import get_currency_precision, list_currencies
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Record
from crm_core.db.types import Ratio
from crm_core.entity import fields as f
from crm_core.errors import Invalid
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
UNIT = Decimal("0.0001")
LARGEST = Decimal(10) ** 15
CODES = frozenset(list_currencies())
"""Codes of ISO 4217, past ones included."""


class MoneySettings(msgspec.Struct, frozen=True, kw_only=True):
    """The currency in which amounts are compared and added up (ISO 4217)."""

    base_currency: Annotated[
        str,
        msgspec.Meta(
            title=str(_("Base currency")),
            description=str(_("Amounts are compared and added up in it. It is fixed once there are amounts or rates.")),
            extra={"kind": "currency", "required": True},
        ),
    ] = "EUR"


class Currency(Model):
    """A currency amounts may be entered in; `digits` after the point are shown."""

    __tablename__ = "core_currency"

    code: Mapped[str] = mapped_column(sa.String(3), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(60))
    symbol: Mapped[str] = mapped_column(sa.String(8), default="")
    digits: Mapped[int] = mapped_column(sa.Integer, default=2)
    active: Mapped[bool] = mapped_column(sa.Boolean, default=True)


class Rate(Record, Model):
    """One unit of `currency` is worth `rate` units of the base currency from `valid_from` on."""

    __tablename__ = "core_rate"
    __table_args__ = (sa.Index("ix_core_rate_currency_valid_from", "currency", "valid_from"),)

    currency: Mapped[str] = mapped_column(sa.String(3), sa.ForeignKey("core_currency.code", ondelete="CASCADE"))
    valid_from: Mapped[date] = mapped_column(sa.Date)
    rate: Mapped[Decimal] = mapped_column(Ratio())


async def fill(uow: UnitOfWork, entity: Entity, record: Any, changed: Collection[str] | None = None) -> None:
    """Fill currency, base amount, rate and its day of the record's changed (None: all) money fields.

    The rate is that of the day in the field's `date_field`, of today when it is empty. So a record that is open is
    valued anew when it changes, and one that is closed keeps the rate it was closed with. Without a rate the base
    amount stays empty. Invalid names an unknown currency, or an amount finer or larger than can be.
    """
    for field in entity.fields:
        if isinstance(field, f.Money) and (
            changed is None or not {*field.columns, field.date_field}.isdisjoint(changed)
        ):
            await _set_one(uow, field, record, changed)


async def _set_one(uow: UnitOfWork, field: f.Money, record: Any, changed: Collection[str] | None) -> None:
    amount, code = getattr(record, field.name), getattr(record, f"{field.name}_currency")
    if amount is None:
        _store(record, field.name, None, None, None)
        return
    if code is None:
        code = await base_currency(uow)
        setattr(record, f"{field.name}_currency", code)
    if changed is None or not {field.name, f"{field.name}_currency"}.isdisjoint(changed):
        check(field.name, amount, code)
    day = getattr(record, field.date_field) if field.date_field else None
    frozen: Decimal | None = getattr(record, f"{field.name}_rate", None)
    same = changed is not None and {field.date_field, f"{field.name}_currency"}.isdisjoint(changed)
    if day is not None and frozen is not None and same:
        setattr(record, f"{field.name}_base", times(field.name, amount, frozen))
        return
    day = day or today(uow)
    rate = await rate_on(uow, code, day)
    _store(record, field.name, None if rate is None else times(field.name, amount, rate), rate, day)


async def base_currency(uow: UnitOfWork) -> str:
    """Return the currency in which amounts are compared and added up."""
    rates: Rates | None = uow.session.sync_session.info.get("rates")  # an import reads all of them once a chunk
    return rates.base if rates is not None else (await uow.settings(MoneySettings)).base_currency


async def rate_on(uow: UnitOfWork, code: str, day: date) -> Decimal | None:
    """Return the rate of any currency valid on a day, 1 for the base currency; None if there is none."""
    if code == await base_currency(uow):
        return Decimal(1)
    rates: Rates | None = uow.session.sync_session.info.get("rates")
    return rates.on(code, day) if rates is not None else await find_rate(uow, code, day)


async def valued(uow: UnitOfWork, field: f.Money, held: Mapping[str, Any], day: date | None = None) -> dict[str, Any]:
    """Return all columns of a money field that is not on the record's row, from its amount and currency in `held`.

    In the order of `columns`, then rate and its day. Without a rate the base amount is None; Invalid as `fill`.
    """
    names = (*field.columns[:3], f"{field.name}_rate", f"{field.name}_rate_on")
    amount, code = (held.get(n) for n in names[:2])
    if amount is None:
        return dict.fromkeys(names)
    code = code or await base_currency(uow)
    check(field.name, amount, code)
    rate = await rate_on(uow, code, day or today(uow))
    base = None if rate is None else amount if rate == 1 else times(field.name, amount, rate)
    return dict(zip(names, (amount, code, base, rate, None if rate is None else day or today(uow)), strict=True))


def _store(record: Any, name: str, base: Decimal | None, rate: Decimal | None, day: date | None) -> None:
    setattr(record, f"{name}_base", base)
    if hasattr(type(record), f"{name}_rate"):  # a plugin's model may have been made before there was one
        setattr(record, f"{name}_rate", rate)
        setattr(record, f"{name}_rate_on", None if rate is None else day)


def check(name: str, amount: Decimal, code: str) -> None:
    """Refuse a currency that ISO 4217 does not know, and more decimals than the currency has."""
    if code not in CODES:
        text = _("There is no currency {code}.", code=code)
        raise Invalid(text, fields={f"{name}_currency": text})
    digits = get_currency_precision(code)
    if amount != round(amount, digits):
        text = _("{code} has {count} decimals.", code=code, count=digits)
        raise Invalid(text, fields={name: text})


def times(name: str, amount: Decimal, rate: Decimal) -> Decimal:
    """Return amount times rate to four digits; Invalid when it is larger than can be stored."""
    with localcontext(prec=60):  # 19 digits times 18: the usual 28 would round before we do
        found = (amount * rate).quantize(UNIT, ROUND_HALF_EVEN)
    if abs(found) >= LARGEST:
        text = _("This amount is too large in the base currency.")
        raise Invalid(text, fields={name: text})
    return found


def today(uow: UnitOfWork) -> date:
    """Return the day it is for the actor."""
    return uow.now.astimezone(ZoneInfo(uow.zone)).date()


async def find_rate(uow: UnitOfWork, currency: str, day: date) -> Decimal | None:
    """Return the newest rate valid on `day`, or the oldest there is when all are younger; None if there is none."""
    own = sa.select(Rate.rate).where(Rate.currency == currency, Rate.deleted_at.is_(None))
    before = own.where(Rate.valid_from <= day).order_by(Rate.valid_from.desc(), Rate.id.desc())
    rate = await uow.session.scalar(before.limit(1))
    if rate is None:
        rate = await uow.session.scalar(own.order_by(Rate.valid_from, Rate.id).limit(1))
    return None if rate is None else Decimal(rate)


class Rates:
    """All rates at once, for imports: the same answers as `base_amount` without a query per row."""

    def __init__(self, base: str, rates: dict[str, list[tuple[date, Decimal]]], today: date) -> None:
        self.base = base
        self.rates = rates
        self.today = today

    @classmethod
    async def load(cls, uow: UnitOfWork) -> Rates:
        """Read the base currency and every rate."""
        found: dict[str, list[tuple[date, Decimal]]] = {}
        query = sa.select(Rate.currency, Rate.valid_from, Rate.rate).where(Rate.deleted_at.is_(None))
        for currency, day, rate in await uow.session.execute(query.order_by(Rate.valid_from, Rate.id)):
            found.setdefault(currency, []).append((day, Decimal(rate)))
        base = (await uow.settings(MoneySettings)).base_currency
        return cls(base, found, uow.now.astimezone(ZoneInfo(uow.zone)).date())

    def on(self, currency: str, day: date) -> Decimal | None:
        """Return the rate valid on a day as `find_rate` does."""
        rates = self.rates.get(currency)
        return next((r for d, r in reversed(rates) if d <= day), rates[0][1]) if rates else None


def unrated(table: sa.FromClause, name: str) -> sa.ColumnElement[bool]:
    """Return the condition of records whose amount has no base amount for want of a rate: sums leave them out."""
    return sa.and_(table.c[name].is_not(None), table.c[f"{name}_base"].is_(None))
