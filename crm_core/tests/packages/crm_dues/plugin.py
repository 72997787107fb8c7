"""A plugin that adds an amount of money to companies, in a side table of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from crm_core.db.types import Amount, Ratio
from crm_core.plugin import FieldOn, Strings, fields, hookimpl
from crm_core.plugin.models import foreign, package_registry
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_ = Strings("crm_dues")


class Base(DeclarativeBase):
    """The base of the plugin's models."""

    registry = package_registry()


class Dues(Base):
    """What a company pays us every year."""

    __tablename__ = "dues_company"

    record_id: Mapped[UUID] = foreign(
        "core_company.id", on_delete="CASCADE", nullable=False, index=False, primary_key=True
    )
    dues_fee: Mapped[Decimal | None] = mapped_column(Amount(), default=None)
    dues_fee_currency: Mapped[str | None] = mapped_column(sa.String(3), default=None)
    dues_fee_base: Mapped[Decimal | None] = mapped_column(Amount(), default=None)
    dues_fee_rate: Mapped[Decimal | None] = mapped_column(Ratio(), default=None)
    dues_fee_rate_on: Mapped[date | None] = mapped_column(sa.Date, default=None)


@hookimpl
def crm_fields() -> Sequence[FieldOn]:
    return (
        FieldOn("core.company", fields.Money("dues_fee", _("Fee"), sortable=True), model=Dues),
        FieldOn(
            "core.company", fields.Decimal("dues_fee_rate", _("Exchange rate of the fee"), digits=6, readonly=True),
            model=Dues,
        ),
        FieldOn("core.company", fields.Date("dues_fee_rate_on", _("Day of that rate"), readonly=True), model=Dues),
    )  # fmt: skip
