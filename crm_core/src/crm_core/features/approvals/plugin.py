"""Approvals: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.approvals import (
    deals,
    demo,
    events,
    jobs,
    notices,
    pages,
    public_pages,
    rest,
    schemas,
    settings,
)
from crm_core.plugin import (
    Action,
    DemoData,
    EventType,
    Job,
    Listener,
    NavItem,
    NotificationKind,
    Schedule,
    SettingsGroup,
    Slot,
    Strings,
    hookimpl,
)

_ = Strings("crm_core")


@hookimpl
def crm_actions() -> Sequence[Action]:
    return deals.ACTIONS


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return deals.LISTENERS


@hookimpl
def crm_settings() -> Sequence[SettingsGroup]:
    return (settings.GROUP,)


@hookimpl
def crm_events() -> Sequence[EventType]:
    return events.EVENT_TYPES


@hookimpl
def crm_notification_kinds() -> Sequence[NotificationKind]:
    return notices.KINDS


@hookimpl
def crm_routes() -> Sequence[type]:
    return (rest.ApprovalsApi, pages.ApprovalPages, public_pages.ApprovalLink)


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (Job(call=schemas.ReviewApprovals, run=jobs.review),)


@hookimpl
def crm_schedules() -> Sequence[Schedule]:
    return (Schedule("core.review_approvals", schemas.ReviewApprovals(), "*/5 * * * *"),)


@hookimpl
def crm_nav() -> Sequence[NavItem]:
    return (NavItem(label=_("Approvals"), href="/approvals", icon="checkbox", order=60, counter="/approvals/count"),)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(place="record.panels", label=_("Approvals"), src="/approvals/panel?entity={entity}&id={id}", order=850),
    )


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("approvals", demo.load, after=("deals",)),)
