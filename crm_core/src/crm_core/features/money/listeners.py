"""What happens when an exchange rate is made, changed, deleted or restored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_core.features.money import queries
from crm_core.features.money.schemas import RevalueAmounts
from crm_core.plugin import Listener

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork


async def value_anew(uow: UnitOfWork, event: Happened) -> None:
    """Enqueue the valuing of the rate's currency, once a transaction: a file of rates has many of one currency.

    Not by a key: a job that runs already may have read the rates before this one is committed.
    """
    asked = {row["lane"] for row in uow.jobs}
    now = event.record.currency if event.record is not None else None
    for currency in {str(code) for code in (now, event.before.get("currency")) if code}:
        if (lane := queries.lane(currency)) not in asked:
            await uow.enqueue(RevalueAmounts(currency), lane=lane)


LISTENERS = tuple(
    Listener(event=f"core.rate.{kind}", run=value_anew, name="core.value_anew")
    for kind in ("created", "updated", "deleted", "restored")
)
