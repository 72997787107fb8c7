"""What deals do when something happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.entity import money, stages
from crm_core.features.deals.models import Deal
from crm_core.plugin import Listener

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork


async def value_open_deals(uow: UnitOfWork, event: Happened) -> None:
    """Value open deals anew when a rate of their currency changes; closed ones keep their base amount."""
    currency = event.record.currency if event.record is not None else event.before.get("currency")
    open_deals = sa.select(Deal.id).where(
        Deal.amount_currency == currency, Deal.closed_on.is_(None), Deal.deleted_at.is_(None)
    )
    ids = list(await uow.session.scalars(open_deals))
    if ids:
        await money.revalue(uow, uow.registry.entity("core.deal"), str(currency), ids)


LISTENERS = (
    Listener(event="core.deal.created", run=stages.remember_first, name="core.deal_first_stage"),
    *(
        Listener(event=f"core.rate.{kind}", run=value_open_deals, name="core.value_open_deals")
        for kind in ("created", "updated")
    ),
)
