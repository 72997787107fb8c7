"""Working time: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.worktime import demo, entities, handover, jobs, pages, rules, schemas
from crm_core.plugin import (
    Action,
    Default,
    DemoData,
    Entity,
    Handover,
    Job,
    Listener,
    NavItem,
    Permission,
    Schedule,
    Slot,
    Strings,
    hookimpl,
)

_ = Strings("crm_core")


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.WORK_CALENDAR, entities.ABSENCE)


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (
        Permission(
            name="core.work_calendar.manage", label=_("Set up working hours"),
            implies=tuple(f"core.work_calendar.{verb}" for verb in ("read", "create", "edit", "delete")),
        ),
    )  # fmt: skip


@hookimpl
def crm_actions() -> Sequence[Action]:
    return (
        Action(
            entity="core.work_calendar", name="read_feed", label=_("Read calendar now"), icon="refresh",
            run=rules.read_feed, permission="core.work_calendar.edit",
            when={"field": "feed_url", "op": "not_empty"},
        ),
    )  # fmt: skip


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return rules.LISTENERS


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (Job(call=schemas.FetchFeed, run=jobs.fetch), Job(call=schemas.FetchFeeds, run=jobs.fetch_all))


@hookimpl
def crm_schedules() -> Sequence[Schedule]:
    return (Schedule("core.fetch_feeds", schemas.FetchFeeds(), "41 3 * * *"),)


@hookimpl
def crm_handovers() -> Sequence[Handover]:
    return (handover.DEPUTIES,)


@hookimpl
def crm_routes() -> Sequence[type]:
    return (pages.HoursPages,)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(
            place="record.header", entity="core.work_calendar", label=_("Hours"), template="core/_work_hours_link.html",
            permission="core.work_calendar.edit", order=10,
        ),
        Slot(
            place="record.panels", entity="core.work_calendar", label=_("Working hours"), order=10,
            src="/work-calendars/{id}/days-off",
        ),
    )  # fmt: skip


@hookimpl
def crm_nav() -> Sequence[NavItem]:
    return (
        NavItem(
            label=_("Working hours"), href="/work-calendars", icon="calendar-time",
            permission="core.work_calendar.edit", order=984, group="Administration",
        ),
    )  # fmt: skip


@hookimpl
def crm_defaults() -> Sequence[Default]:
    return (Default("core.work_calendar", demo.load_default),)


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("worktime", demo.load, after=("companies",)),)
