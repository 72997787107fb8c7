"""Assignment: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.assignment import demo, entities, events, filter_pages, giving, handover, pages, rest, rules
from crm_core.plugin import (
    Action,
    DemoData,
    Entity,
    EventType,
    Handover,
    Listener,
    NavItem,
    NotificationKind,
    Permission,
    SettingsGroup,
    Slot,
    Strings,
    hookimpl,
)

_ = Strings("crm_core")


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.POOL,)


@hookimpl
def crm_actions() -> Sequence[Action]:
    return giving.ACTIONS


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (
        Permission(
            name="core.pool.manage", label=_("Set up pools"),
            implies=tuple(f"core.pool.{verb}" for verb in ("read", "create", "edit", "delete")),
        ),
    )  # fmt: skip


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return rules.LISTENERS


@hookimpl
def crm_settings() -> Sequence[SettingsGroup]:
    return (rules.GROUP,)


@hookimpl
def crm_events() -> Sequence[EventType]:
    return events.EVENT_TYPES


@hookimpl
def crm_notification_kinds() -> Sequence[NotificationKind]:
    return (
        NotificationKind(
            name="core.pool_was_empty", label=_("Nobody of my pool could take a record"), default="mail", strength=80,
            icon="alert-triangle",
        ),
    )  # fmt: skip


@hookimpl
def crm_handovers() -> Sequence[Handover]:
    return (handover.MEMBERSHIPS,)


@hookimpl
def crm_routes() -> Sequence[type]:
    return (rest.AssignmentsApi, pages.AssignmentPanel, filter_pages.PoolFilterPages)


@hookimpl
def crm_nav() -> Sequence[NavItem]:
    return (
        NavItem(
            label=_("Pools"), href="/pools", icon="users", permission="core.pool.edit", order=985,
            group="Administration",
        ),
    )  # fmt: skip


@hookimpl
def crm_slots() -> Sequence[Slot]:
    panels = (
        Slot(place="record.panels", entity=name, label=_("Assignment"), order=845,
             src="/assignment-panel?entity={entity}&id={id}")
        for name in ("core.lead", "core.deal")
    )  # fmt: skip
    link = "core/_pool_filter_link.html"
    return (*panels, Slot(place="record.header", entity="core.pool", label=_("Filter"), template=link, order=10))


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("assignment", demo.load, after=("leads", "worktime")),)
