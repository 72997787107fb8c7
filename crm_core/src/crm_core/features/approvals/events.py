"""What happens to requests for approval; each is on the timeline of its record."""

from __future__ import annotations

from uuid import UUID

from crm_core.plugin import Event, EventType, Strings

_ = Strings("crm_core")


class ApprovalRequested(Event, frozen=True, kw_only=True):
    """Somebody asked for an approval."""

    approval_id: UUID
    title: str
    purpose: str = ""
    approver_ids: tuple[UUID, ...] = ()


class ApprovalApproved(Event, frozen=True, kw_only=True):
    """Everybody who was needed approved."""

    approval_id: UUID
    title: str
    purpose: str = ""


class ApprovalRejected(Event, frozen=True, kw_only=True):
    """Somebody said no, which ends the request."""

    approval_id: UUID
    title: str
    purpose: str = ""
    comment: str = ""


class ApprovalExpired(Event, frozen=True, kw_only=True):
    """Nobody decided in time, or nobody was left who could."""

    approval_id: UUID
    title: str
    purpose: str = ""
    note: str = ""


class ApprovalWithdrawn(Event, frozen=True, kw_only=True):
    """The requester took the request back, or its record went to the trash."""

    approval_id: UUID
    title: str
    purpose: str = ""


class ApprovalOutdated(Event, frozen=True, kw_only=True):
    """The record is no longer what was asked about."""

    approval_id: UUID
    title: str
    purpose: str = ""


EVENT_TYPES = (
    EventType(struct=ApprovalRequested, name="core.approval.requested", label=_("Approval requested"),
              icon="help-circle", personal=()),
    EventType(struct=ApprovalApproved, name="core.approval.approved", label=_("Approval given"),
              icon="circle-check", personal=()),
    EventType(struct=ApprovalRejected, name="core.approval.rejected", label=_("Approval refused"),
              icon="circle-x", personal=("comment",)),
    EventType(struct=ApprovalExpired, name="core.approval.expired", label=_("Approval expired"),
              icon="clock", personal=()),
    EventType(struct=ApprovalWithdrawn, name="core.approval.withdrawn", label=_("Approval withdrawn"),
              icon="arrow-back-up", personal=()),
    EventType(struct=ApprovalOutdated, name="core.approval.outdated", label=_("Approval outdated"),
              icon="alert-circle", personal=()),
)  # fmt: skip
