"""Fields of deals that are computed when they are read: stuck in its stage, days in it, weighted amount."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from crm_core.db.types import Amount
from crm_core.entity.stages import OPEN, WAITING, Stage
from crm_core.plugin import FieldOn, Strings, fields

_ = Strings("crm_core")
STAGE = Stage.__table__


DAY = 86_400


class seconds_since(FunctionElement[int]):  # noqa: N801 - an SQL function
    """seconds_since(instant): whole seconds until now, by the database's clock."""

    type = sa.BigInteger()
    inherit_cache = True


class weighted(FunctionElement[Any]):  # noqa: N801 - an SQL function
    """weighted(amount, percent): the product, rounded half to even at the fourth digit, exact on both databases."""

    type = Amount()
    inherit_cache = True


@compiles(seconds_since)
def _seconds_since(element: Any, compiler: Any, **kw: Any) -> str:
    at = compiler.process(next(iter(element.clauses)), **kw)
    if compiler.dialect.name == "postgresql":
        return f"CAST(floor(extract(epoch FROM (now() - {at}))) AS bigint)"
    # Not julianday(), a float to which a day of exactly 24 hours is 0.99999 days.
    return f"(CAST(strftime('%s', 'now') AS integer) - CAST(strftime('%s', {at}) AS integer))"


@compiles(weighted)
def _weighted(element: Any, compiler: Any, **kw: Any) -> str:
    amount, percent = (compiler.process(c, **kw) for c in element.clauses)
    if compiler.dialect.name == "postgresql":
        exact = f"({amount} * {percent} * 0.01)"  # a division would round
        down = f"trunc({exact}, 4)"
        return (
            f"CASE WHEN abs({exact} - {down}) = 0.00005 AND mod(trunc({exact} * 10000), 2) = 0 "
            f"THEN {down} ELSE round({exact}, 4) END"
        )
    # Amounts are integers of 1/10,000, percentages of 1/1,000,000. The product of both would overflow 64 bits, and
    # SQLite would go on with floats; whole hundred millions are multiplied apart from the rest.
    unit = 100_000_000
    rest = f"(({amount} % {unit}) * {percent})"
    low = f"(({amount} / {unit}) * {percent} + {rest} / {unit})"
    return (
        f"({low} + CASE WHEN abs({rest} % {unit}) * 2 > {unit} "
        f"OR (abs({rest} % {unit}) * 2 = {unit} AND {low} % 2 <> 0) "
        f"THEN CASE WHEN {rest} < 0 THEN -1 ELSE 1 END ELSE 0 END)"
    )


def is_rotting(deal: Any) -> Any:
    """Return the SQL of whether a deal has been in its open stage for more days than the stage allows."""
    stage = STAGE.alias("its_stage")
    allowed = (
        sa.select(stage.c.rotting_days)
        .where(stage.c.id == deal.c.stage_id, stage.c.category.in_((OPEN, WAITING)))
        .scalar_subquery()
    )
    return sa.func.coalesce(seconds_since(deal.c.stage_entered_at) > allowed * DAY, sa.false(), type_=sa.Boolean())


def days_in_stage(deal: Any) -> Any:
    """Return the SQL of the whole days a deal has been in its stage."""
    return seconds_since(deal.c.stage_entered_at) // DAY


def weighted_amount(deal: Any) -> Any:
    """Return the SQL of the base amount times the probability; empty where one of them is."""
    return weighted(deal.c.amount_base, deal.c.probability)


FIELDS = (
    FieldOn("core.deal", fields.Boolean("rotting", _("Stuck"), readonly=True), sql=is_rotting),
    FieldOn(
        "core.deal",
        fields.Integer("days_in_stage", _("Days in this stage"), readonly=True),
        sql=days_in_stage,
    ),
    FieldOn(
        "core.deal",
        fields.Decimal("weighted_amount", _("Weighted amount"), readonly=True, sortable=True, in_base=True),
        sql=weighted_amount,
    ),
)
