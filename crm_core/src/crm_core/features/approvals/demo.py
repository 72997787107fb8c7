"""Sample data: sales people who ask for an approval of a deal, one of them with an answer."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.people import Role, UserRole
from crm_core.features.approvals import actions, deals
from crm_core.features.approvals.asking import actor_of
from crm_core.features.approvals.schemas import Step
from crm_core.features.deals.models import Deal
from crm_core.plugin.declare import Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

ASKED = (
    ("Discount of 12 % for {name}", "The customer compares us with two others and decides this week."),
    ("Sonderkonditionen für {name}", "Rahmenvertrag über drei Jahre, Zahlung jährlich im Voraus."),
    ("Delivery free of charge for {name}", "First order of a company that can grow."),
)


async def load(uow: UnitOfWork, as_of: date) -> None:
    """Ask about three open deals; the last is approved."""
    before = uow.actor
    bosses = list(await uow.session.scalars(
        sa.select(UserRole.user_id).join(Role, Role.id == UserRole.role_id).where(Role.key == "manager")
    ))  # fmt: skip
    found = sa.select(Deal).where(Deal.closed_on.is_(None), Deal.owner_id.is_not(None), Deal.owner_id.not_in(bosses))
    open_deals = list(await uow.session.scalars(found.order_by(Deal.id).limit(len(ASKED))))
    for number, ((title, reason), deal) in enumerate(zip(ASKED, open_deals, strict=False)):
        asker = await actor_of(uow, deal.owner_id) if deal.owner_id else None
        if asker is None or not bosses:
            continue
        uow.actor = asker
        try:
            made = await actions.request_approval(
                uow, Ref(deals.DEAL, deal.id), title.format(name=deal.name), [Step(users=bosses, needed="any")],
                reason=reason, fields=deals.FIELDS,
            )  # fmt: skip
            if number == len(ASKED) - 1:
                await _approve(uow, made.id, bosses)
        except actions.NobodyCanApprove:
            continue  # a manager of another team does not see this deal
        finally:
            uow.actor = before


async def _approve(uow: UnitOfWork, approval_id: UUID, bosses: list[UUID]) -> None:
    for boss in bosses:
        actor = await actor_of(uow, boss)
        if actor is None:
            continue
        uow.actor = actor
        try:
            await actions.decide(uow, approval_id, "approve", "Fine, once.")
        except (actions.ApprovalUnknown, actions.NotYoursToDecide):
            continue
        return
