"""What others use of approvals.

from crm_core.features.approvals.public import Step, is_approved, request_approval

await request_approval(uow, Ref("core.deal", deal.id), _title, [Step(users=[boss])], purpose="core.deal.win",
                       fields=("amount",))
if not await is_approved(uow, Ref("core.deal", deal.id), "core.deal.win"): ...
"""

from __future__ import annotations

from crm_core.features.approvals.actions import (
    AlreadyDecided,
    ApprovalClosed,
    ApprovalStale,
    ApprovalUnknown,
    NobodyCanApprove,
    NotYoursToDecide,
    decide,
    request_approval,
    withdraw,
)
from crm_core.features.approvals.queries import is_approved
from crm_core.features.approvals.schemas import Step

__all__ = [
    "AlreadyDecided", "ApprovalClosed", "ApprovalStale", "ApprovalUnknown", "NobodyCanApprove", "NotYoursToDecide",
    "Step", "decide", "is_approved", "request_approval", "withdraw",
]  # fmt: skip
