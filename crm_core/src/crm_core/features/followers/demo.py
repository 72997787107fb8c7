"""Sample data: sales people follow deals of their colleagues, and have heard of some."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from crm_core.features.deals.models import Deal
from crm_core.features.followers.models import Follow
from crm_core.features.notifications.public import notify
from crm_core.features.sample import choices, every, owners
from crm_core.plugin import Ref, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
EACH = 4


async def load(uow: UnitOfWork, as_of: date) -> None:
    """Let everybody follow some deals; the newest of them were given to their owners just now."""
    pick = choices("followers")
    deals = await every(uow, Deal)
    if not deals:
        return
    for owner in await owners(uow):
        for deal in pick.sample(deals, min(EACH, len(deals))):
            if deal.owner_id != owner.id:
                uow.session.add(Follow(user_id=owner.id, entity="core.deal", record_id=deal.id))
    for deal in deals[-12:]:
        if deal.owner_id is not None:
            about = Ref("core.deal", deal.id)
            await notify(uow, [deal.owner_id], "core.assigned", about, _("{what} given to you", what=_("Deal")))
