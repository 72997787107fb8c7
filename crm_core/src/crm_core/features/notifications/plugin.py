"""Notifications: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.notifications import delivery, jobs, kinds, pages, rest, retention, schemas, settings
from crm_core.plugin import (
    Job,
    NavItem,
    NotificationKind,
    Retention,
    Schedule,
    SettingsGroup,
    Slot,
    Strings,
    hookimpl,
)

_ = Strings("crm_core")


@hookimpl
def crm_notification_kinds() -> Sequence[NotificationKind]:
    return kinds.KINDS


@hookimpl
def crm_routes() -> Sequence[type]:
    return (pages.NotificationPages, rest.NotificationsApi)


@hookimpl
def crm_nav() -> Sequence[NavItem]:
    return (NavItem(label=_("Notifications"), href="/notifications", icon="bell", order=1),)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (Slot(place="layout.header", label=_("Notifications"), src="/notifications/bell"),)


@hookimpl
def crm_settings() -> Sequence[SettingsGroup]:
    return (settings.GROUP,)


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (
        Job(call=schemas.DeliverNotifications, run=delivery.deliver),
        Job(call=schemas.SendDigests, run=jobs.send_digests),
    )


@hookimpl
def crm_schedules() -> Sequence[Schedule]:
    return (Schedule("core.send_digests", schemas.SendDigests(), "*/15 * * * *"),)


@hookimpl
def crm_retention() -> Sequence[Retention]:
    return (retention.READ,)
