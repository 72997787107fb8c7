"""What deals are expected to bring in a period: sums by owner, team or pipeline in the base currency.

Amounts are added up exactly in the database; probabilities are applied in Decimal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from crm_core.db.types import Amount
from crm_core.entity import access, query
from crm_core.entity.money import UNIT, MoneySettings, unrated
from crm_core.entity.stages import OPEN, WAITING, WON, Stage
from crm_core.entity.statements import parameter
from crm_core.errors import Forbidden, Invalid
from crm_core.features.deals.schemas import Forecast, ForecastRow, Period
from crm_core.features.deals.settings import ForecastSettings
from crm_core.i18n import Strings
from crm_core.plugin import Entity, Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
GROUPS = {
    "owner": ("owner_id", "core.user"),
    "team": ("team_id", "core.team"),
    "pipeline": ("pipeline_id", "core.pipeline"),
}
HUNDRED = Decimal(100)


def period_of(text: str, today: date) -> Period:
    """Return the days of "2026", "2026-Q4", "2026-11" or "2026-11-01..2026-12-31"; this quarter when empty.

    Both ends are included. Invalid for anything else.
    """
    text = text or f"{today.year}-Q{(today.month + 2) // 3}"
    try:
        if ends := re.fullmatch(r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)", text):
            first, last = date.fromisoformat(ends[1]), date.fromisoformat(ends[2])
        elif quarter := re.fullmatch(r"(\d{4})-Q([1-4])", text):
            first, last = _months(int(quarter[1]), int(quarter[2]) * 3 - 2, 3)
        elif month := re.fullmatch(r"(\d{4})-(\d\d)", text):
            first, last = _months(int(month[1]), int(month[2]), 1)
        else:
            first, last = _months(int(re.fullmatch(r"\d{4}", text)[0]), 1, 12)  # type: ignore[index]  # answered below
    except (ValueError, TypeError) as error:
        wrong = _("A period is 2026, 2026-Q4, 2026-11 or 2026-11-01..2026-12-31.")
        raise Invalid(wrong, fields={"period": wrong}) from error
    if last < first:
        wrong = _("The period ends before it starts.")
        raise Invalid(wrong, fields={"period": wrong})
    return Period(name=text, first=first, last=last)


def _months(year: int, month: int, count: int) -> tuple[date, date]:
    first = date(year, month, 1)
    after = month - 1 + count
    return first, date(year + after // 12, after % 12 + 1, 1) - timedelta(days=1)


@dataclass
class Sums:
    """Exact sums of one group; `sure` by probability, so that it is applied once and rounded once."""

    deals: int = 0
    won: Decimal = Decimal(0)
    sure: dict[Decimal, Decimal] = field(default_factory=dict)

    def add(self, category: str, probability: Decimal | None, deals: int, amount: Decimal | None) -> None:
        """Add what one row of the query says."""
        self.deals += deals
        if category == WON:
            self.won += amount or 0
        else:
            key = probability or Decimal(0)
            self.sure[key] = self.sure.get(key, Decimal(0)) + (amount or 0)

    def from_probability(self, least: int) -> Decimal:
        """Return the open amount of deals at least this likely."""
        return sum((a for p, a in self.sure.items() if p >= least), Decimal(0))

    def weighted(self) -> Decimal:
        """Return the open amount times its probability, rounded half to even at the fourth digit."""
        exact = sum((p * a for p, a in self.sure.items()), Decimal(0)) / HUNDRED
        return exact.quantize(UNIT, ROUND_HALF_EVEN)

    def row(self, settings: ForecastSettings, key: UUID | None, label: str) -> ForecastRow:
        """Return these sums as they are answered."""
        return ForecastRow(
            id=key, label=label, deals=self.deals, won=self.won, open=self.from_probability(0),
            weighted=self.weighted(), commit=self.won + self.from_probability(settings.commit_from),
            best_case=self.won + self.from_probability(settings.best_case_from),
        )  # fmt: skip


async def forecast(uow: UnitOfWork, period: str, group: str, filter_: Any = None) -> Forecast:
    """Return the sums of the deals the actor may see that are won, or expected to close, in the period.

    A won deal counts on the day it was closed, an open one on its expected day. Forbidden when a role hides the
    amount or the probability from the actor: a sum would tell them.
    """
    if group not in GROUPS:
        known = _("The group is one of: {known}.", known=", ".join(GROUPS))
        raise Invalid(known, fields={"group": known})
    hidden = [n for n in ("amount", "probability", "stage_id") if not uow.actor.may_see("core.deal", n)]
    if hidden:
        raise Forbidden(_("You may not read {fields} of deals.", fields=", ".join(hidden)))
    days = period_of(period, uow.now.astimezone(ZoneInfo(uow.zone)).date())
    column, target = GROUPS[group]
    groups: dict[UUID | None, Sums] = {}
    total = Sums()
    missing: dict[str, int] = {}
    for key, category, probability, code, rated, deals, amount in await _rows(uow, days, column, filter_):
        if not rated:
            missing[code] = missing.get(code, 0) + deals
        for sums in (groups.setdefault(key, Sums()), total):
            sums.add(category, probability, deals, amount)
    labels = await query.labels(uow, [Ref(target, key) for key in groups if key])
    settings = await uow.settings(ForecastSettings)
    rows = [s.row(settings, k, labels.get(Ref(target, k), "") if k else "") for k, s in groups.items()]
    rows.sort(key=lambda r: (-r.weighted - r.won, r.label, str(r.id)))
    return Forecast(
        period=days, group=group, currency=(await uow.settings(MoneySettings)).base_currency,
        commit_from=settings.commit_from, best_case_from=settings.best_case_from, rows=rows,
        total=total.row(settings, None, ""), missing_rates=sorted(missing),
        unrated_by_currency=dict(sorted(missing.items())),
    )  # fmt: skip


async def _rows(uow: UnitOfWork, days: Period, column: str, filter_: Any) -> Sequence[Any]:
    """Return (group, category, probability, currency, has base amount, deals, sum) of what falls into the period."""
    entity = uow.registry.entity("core.deal")
    it = await query.asked(uow, entity, query.ListParams(filter=filter_))

    def make() -> sa.Select[Any]:
        table, stage = access.table_of(entity), Stage.__table__
        first, last = parameter("first", sa.Date()), parameter("last", sa.Date())
        base = _readable(uow, entity, "amount", table.c.amount_base)
        rated = sa.not_(unrated(table, "amount"))
        won = sa.and_(stage.c.category == WON, table.c.closed_on.between(first, last))
        coming = sa.and_(stage.c.category.in_((OPEN, WAITING)), table.c.expected_close_on.between(first, last))
        by = (table.c[column], stage.c.category, table.c.probability, table.c.amount_currency, rated)
        return (
            sa.select(*by, sa.func.count(), sa.type_coerce(sa.func.sum(base), Amount()))
            .select_from(table.join(stage, stage.c.id == table.c.stage_id))
            .where(query.condition(uow, it), sa.or_(coming, won))
            .group_by(*by)
        )

    params = {**it.params, "first": days.first, "last": days.last}
    return await query.prepared(uow, ("forecast", it.key, column), make).fetch(uow, params)


def _readable(uow: UnitOfWork, entity: Entity, name: str, column: Any) -> Any:
    field = entity.field(name)
    return column if field is None else access.readable(uow.registry, uow.actor, entity, field, column)
