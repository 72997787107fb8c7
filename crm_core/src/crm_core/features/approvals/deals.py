"""The policy on deals, the first user of approvals: from an amount on, a deal is won only with an approval.

Off until the settings name an amount. It looks at every way a deal can become won: moves, edits, bulk, imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.auth.actor import ActorKind
from crm_core.auth.people import Role
from crm_core.entity.stages import WON, Stage
from crm_core.errors import Conflict
from crm_core.features.approvals import actions, queries
from crm_core.features.approvals.schemas import Step
from crm_core.features.approvals.settings import ApprovalSettings
from crm_core.i18n import Strings
from crm_core.plugin import Action, Listener
from crm_core.plugin.declare import Ref

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
PURPOSE = "core.deal.win"
DEAL = "core.deal"
FIELDS = ("amount",)
DECIDING = frozenset({"stage_id", "amount", "amount_currency"})


class DealNeedsApproval(Conflict):
    """The deal's amount is above what the settings let anybody win without being asked."""


class AskForDeal(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Why the deal should be approved."""

    reason: Annotated[str, msgspec.Meta(title=str(_("Reason")), max_length=5000, extra={"kind": "long_text"})] = ""


async def guard(uow: UnitOfWork, event: Happened) -> None:
    """Refuse a deal that becomes won, or grows after it was won, without the approval its amount needs."""
    if uow.actor.kind is ActorKind.system or event.record_id is None:
        return
    policy = await uow.settings(ApprovalSettings)
    if policy.deals_from is None:
        return
    deal = event.record or await uow.session.get(uow.registry.entity(DEAL).model, event.record_id)
    if deal is None or not needs_approval(deal, policy):
        return
    stage = await uow.session.get(Stage, deal.stage_id)
    if stage is None or stage.category != WON:
        return
    if not await queries.is_approved(uow, Ref(DEAL, deal.id), PURPOSE):
        raise DealNeedsApproval(
            _("A deal of this amount needs an approval before it is won."),
            fields={"stage_id": _("Ask for an approval first.")},
        )


def needs_approval(deal: Any, policy: ApprovalSettings) -> bool:
    """Return whether the policy covers a deal; one whose base amount is not known, for want of a rate, is covered."""
    if policy.deals_from is None or deal.amount is None:
        return False
    return deal.amount_base is None or bool(deal.amount_base >= policy.deals_from)


def decides(event: Happened) -> bool:
    """Return whether a change can make a deal won, or a won one larger; in memory."""
    return event.kind == "created" or not event.changed.isdisjoint(DECIDING)


async def ask(uow: UnitOfWork, deal: Any, params: AskForDeal) -> None:
    """Ask one member of the settings' role to approve winning this deal at its present amount."""
    policy = await uow.settings(ApprovalSettings)
    role = policy.deals_role_id or await _managers(uow)
    title = _("Win {name}", name=deal.name).to(uow.locale)
    steps = [Step(roles=[role] if role else [], needed="any")]
    await actions.request_approval(
        uow, Ref(DEAL, deal.id), title, steps, reason=params.reason, purpose=PURPOSE, fields=FIELDS
    )


async def _managers(uow: UnitOfWork) -> UUID | None:
    return await uow.session.scalar(sa.select(Role.id).where(Role.key == "manager"))


ACTIONS = (
    Action(
        entity=DEAL, name="request_approval", label=_("Ask for approval"), icon="help-circle", params=AskForDeal,
        run=ask, permission="core.deal.edit", when={"field": "closed_on", "op": "empty"},
    ),
)  # fmt: skip
LISTENERS = tuple(
    Listener(event=f"{DEAL}.{kind}", run=guard, name=f"core.approvals.deal_{kind}", wants=decides)
    for kind in ("created", "updated")
)
