"""Webhooks: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.webhooks import actions, entities, events, jobs, pages, rest, retention, rules, schemas, sink
from crm_core.plugin import (
    Action,
    Entity,
    EventSink,
    EventType,
    Job,
    Listener,
    NavItem,
    Permission,
    Retention,
    Slot,
    Strings,
    hookimpl,
)

_ = Strings("crm_core")


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.WEBHOOK,)


@hookimpl
def crm_actions() -> Sequence[Action]:
    return actions.ACTIONS


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return (*rules.LISTENERS, *actions.LISTENERS)


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (
        Permission(
            name="core.webhook.manage", label=_("Set up webhooks"),
            implies=tuple(f"core.webhook.{verb}" for verb in ("read", "create", "edit", "delete")),
        ),
    )  # fmt: skip


@hookimpl
def crm_event_sinks() -> Sequence[EventSink]:
    return (sink.SINK,)


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (Job(call=schemas.DeliverWebhook, run=jobs.deliver, max_attempts=20, time_limit=60.0),)


@hookimpl
def crm_events() -> Sequence[EventType]:
    return events.EVENT_TYPES


@hookimpl
def crm_routes() -> Sequence[type]:
    return (rest.DeliveriesApi, pages.WebhookPages, pages.WebhookPanel)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(
            place="record.panels", label=_("Deliveries"), src="/webhook-panel?id={id}", entity="core.webhook",
            permission="core.webhook.read", order=10,
        ),
    )  # fmt: skip


@hookimpl
def crm_retention() -> Sequence[Retention]:
    return retention.KINDS


@hookimpl
def crm_nav() -> Sequence[NavItem]:
    return (
        NavItem(label=_("Webhooks"), href="/webhooks", icon="webhook", permission="core.webhook.read", order=984,
                group="Administration"),
    )  # fmt: skip
