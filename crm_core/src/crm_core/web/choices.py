"""Lists that settings and parameters choose from by name: currencies, time zones, languages, countries."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from babel import Locale

from crm_core.entity.fields import Option
from crm_core.entity.folding import fold
from crm_core.entity.money import Currency
from crm_core.i18n import LOCALES, Text
from crm_core.uow import UnitOfWork
from crm_core.web.inputs import zones

LISTS = ("currency", "zone", "locale", "country")
"""Values of `extra={"kind": …}` in a Struct's Meta that this module offers: ISO 4217, IANA, ISO 639, ISO 3166."""


async def named_options(uow: UnitOfWork, kind: str) -> tuple[Option, ...]:
    """Return the options of one of `LISTS`, labels in the reader's language, sorted for reading."""
    if kind == "currency":
        rows = await uow.session.execute(
            sa.select(Currency.code, Currency.name).where(Currency.active.is_(True)).order_by(Currency.code)
        )
        names = Locale.parse(uow.locale).currencies
        return tuple(_option(code, f"{code} – {names.get(code, name)}") for code, name in rows)
    return _FIXED[kind](uow.locale)


def _option(value: str, label: str) -> Option:
    return Option(value=value, label=Text("crm_core", label))


def _zones(locale: str) -> tuple[Option, ...]:
    return tuple(_option(name, name.replace("_", " ")) for name in ("UTC", *zones()))


def _locales(locale: str) -> tuple[Option, ...]:
    return tuple(_option(name, Locale.parse(name).get_display_name(name) or name) for name in LOCALES)


def _countries(locale: str) -> tuple[Option, ...]:
    names = countries(locale)
    return tuple(_option(code, names[code]) for code in sorted(names, key=lambda c: fold(names[c])))


def countries(locale: str) -> dict[str, str]:
    """Return names of countries by their ISO 3166 code of two letters."""
    found = Locale.parse(locale).territories
    skip = {"EU", "EZ", "UN", "QO", "ZZ", "XA", "XB"}  # unions, outlying places and codes for tests
    return {code: str(name) for code, name in found.items() if len(code) == 2 and code.isalpha() and code not in skip}


_FIXED: dict[str, Callable[[str], tuple[Option, ...]]] = {"zone": _zones, "locale": _locales, "country": _countries}
