"""What the API of companies answers beyond records."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import msgspec


class CompanyNode(msgspec.Struct):
    """A company in its tree.

    deals, amount: its own open deals and their sum in the base currency. all_deals, all_amount: with those of the
    companies below it. unrated: open deals, its own and those below, whose amount has no base amount for want of an
    exchange rate; unrated_by_currency names the currencies. Amounts are null for whoever may not read them.
    """

    id: UUID
    name: str
    parent_id: UUID | None
    level: int
    deals: int = 0
    amount: Decimal | None = None
    all_deals: int = 0
    all_amount: Decimal | None = None
    unrated: int = 0
    unrated_by_currency: dict[str, int] = msgspec.field(default_factory=dict)


class CompanyTree(msgspec.Struct):
    """The companies above one, topmost first, then itself and those below it, each after its parent.

    more: there are more below than are shown.
    """

    currency: str
    above: list[CompanyNode]
    below: list[CompanyNode]
    more: bool = False


class SharedDomain(msgspec.Struct):
    """A domain that other companies have as well."""

    domain: str
    id: UUID
    name: str
