"""What requests for approval are made of, what the API takes and gives, and the calls of the jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from crm_core.plugin import JobCall

State = Literal["waiting", "approved", "rejected", "expired", "withdrawn", "stale"]
Decision = Literal["approve", "reject"]
Comment = Annotated[str, msgspec.Meta(max_length=5000)]


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step: everybody in `users`, and the members of `teams` and `roles` on the day the step begins.

    needed: how many of them have to approve, "all", "any", or a number.
    """

    users: list[UUID] = []
    teams: list[UUID] = []
    roles: list[UUID] = []
    needed: Literal["all", "any"] | Annotated[int, msgspec.Meta(ge=1, le=1000)] = "all"


class NewApproval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request. about: "core.deal:<id>". fields: of the record; when one changes, the request is stale."""

    about: str
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    steps: Annotated[list[Step], msgspec.Meta(min_length=1, max_length=20)]
    reason: Comment = ""
    purpose: Annotated[str, msgspec.Meta(max_length=64)] = ""
    in_order: bool = True
    expires_at: datetime | None = None
    fields: Annotated[list[str], msgspec.Meta(max_length=50)] = []


class Decide(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A decision and what is to say about it."""

    decision: Decision
    comment: Comment = ""


class Withdraw(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Taking a request back takes nothing."""


class ApproverOut(msgspec.Struct, kw_only=True):
    """Somebody asked. state: waiting, approved, rejected, skipped. skipped: no_right, inactive, own_request."""

    user_id: UUID
    name: str
    via: str
    state: str
    skipped: str = ""
    deputy_id: UUID | None = None
    comment: str = ""
    decided_by: UUID | None = None
    decided_at: datetime | None = None
    channel: str = ""
    decided_by_name: str = ""
    deputy_name: str = ""


class StepOut(msgspec.Struct, kw_only=True):
    """A step. needed: 0 means everybody. state: pending, waiting, approved, rejected, closed."""

    position: int
    state: str
    needed: int
    approvers: list[ApproverOut]


class ApprovalOut(msgspec.Struct, kw_only=True):
    """A request with its whole history. is_stale: the record has changed since; it counts for nothing any more."""

    id: UUID
    about: str
    record_label: str
    purpose: str
    title: str
    reason: str
    state: State
    note: str
    is_stale: bool
    in_order: bool
    requested_by: UUID | None
    requested_by_name: str
    created_at: datetime
    expires_at: datetime | None
    closed_at: datetime | None
    may_decide: bool
    may_withdraw: bool
    steps: list[StepOut]


class ReviewApprovals(JobCall, frozen=True, kw_only=True):
    """Close what expired, mark what is stale, skip whoever may no longer decide, renew deputies."""
