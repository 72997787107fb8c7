"""Sample data: remarks of colleagues on deals."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from crm_core.features.deals.models import Deal
from crm_core.features.sample import at, choices, every, make, owners
from crm_core.plugin import Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

COUNT = 24
BODIES = (
    "Let's bring in the technical team before the next call.",
    "Der Kunde vergleicht uns mit zwei Mitbewerbern.",
    "Discount is fine up to 10 %.",
    "Bitte vor Quartalsende abschließen.",
    "Legal has approved the contract.",
    "Sehr guter Termin, Entscheidung nächste Woche.",
)


async def load(uow: UnitOfWork, as_of: date) -> None:
    """Make comments of the sales people on deals."""
    pick = choices("comments")
    deals = await every(uow, Deal)
    people = [o for o in await owners(uow) if not o.email.startswith(("readonly", "support"))]
    for _number in range(COUNT):
        deal = pick.choice(deals)
        await make(
            uow,
            "core.comment",
            pick.choice(people),
            body=pick.choice(BODIES),
            parent=Ref("core.deal", deal.id),
            created_at=at(as_of, -pick.randint(0, 40), pick.randint(8, 16), pick.randint(0, 59)),
        )
