"""The currencies that every installation starts with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_core.entity.money import Currency

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

# ISO 4217: code, name, symbol, digits after the point
CURRENCIES = (
    ("EUR", "Euro", "€", 2),
    ("USD", "US dollar", "$", 2),
    ("GBP", "Pound sterling", "£", 2),
    ("CHF", "Swiss franc", "CHF", 2),
    ("SEK", "Swedish krona", "kr", 2),
    ("DKK", "Danish krone", "kr", 2),
    ("NOK", "Norwegian krone", "kr", 2),
    ("PLN", "Polish zloty", "zł", 2),
    ("CZK", "Czech koruna", "Kč", 2),
    ("CAD", "Canadian dollar", "CA$", 2),
    ("AUD", "Australian dollar", "A$", 2),
    ("JPY", "Japanese yen", "¥", 0),
    ("CNY", "Chinese yuan", "CN¥", 2),
    ("INR", "Indian rupee", "₹", 2),
    ("BRL", "Brazilian real", "R$", 2),
    ("TND", "Tunisian dinar", "TND", 3),
)


async def load(uow: UnitOfWork) -> None:
    """Make the usual currencies; rates are entered by people."""
    for code, name, symbol, digits in CURRENCIES:
        uow.session.add(Currency(code=code, name=name, symbol=symbol, digits=digits))
