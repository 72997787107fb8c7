"""Whether people decide about their own requests, and the policy on deals."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from crm_core.plugin import SettingsGroup, Strings
from crm_core.plugin.errors import Invalid

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class ApprovalSettings(msgspec.Struct, frozen=True, kw_only=True):
    """own_requests: whoever asks may be among those who decide. deals_from: base amount from which a deal needs an
    approval before it is won, None for never. deals_role_id: whose members are asked; the managers when empty."""

    own_requests: Annotated[bool, Meta(title=str(_("People may approve their own requests")))] = False
    deals_from: Annotated[
        Decimal | None,
        Meta(
            title=str(_("Deals need approval from")),
            description=str(_("Amount in the base currency; empty: never.")),
        ),
    ] = None  # fmt: skip
    deals_role_id: Annotated[
        UUID | None,
        Meta(
            title=str(_("Role that approves deals")), extra={"target": "core.role"},
            description=str(_("One of its members approves; empty: the managers.")),
        ),
    ] = None  # fmt: skip


async def validate(_uow: UnitOfWork, _old: ApprovalSettings, new: ApprovalSettings) -> None:
    """Refuse an amount below zero."""
    if new.deals_from is not None and (not new.deals_from.is_finite() or new.deals_from < 0):
        text = _("An amount from zero on, or nothing.")
        raise Invalid(text, fields={"deals_from": text})


GROUP = SettingsGroup(name="core.approvals", struct=ApprovalSettings, label=_("Approvals"), order=45, validate=validate)
