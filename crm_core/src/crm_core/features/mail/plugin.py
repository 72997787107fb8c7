"""System mail: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.mail import events, jobs, schemas, settings, transports
from crm_core.plugin import EventType, Job, MailTransport, Permission, SettingsGroup, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (Permission(name="core.mail.manage", label=_("Manage e-mail")),)


@hookimpl
def crm_settings() -> Sequence[SettingsGroup]:
    return (settings.GROUP,)


@hookimpl
def crm_events() -> Sequence[EventType]:
    return events.EVENT_TYPES


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (Job(call=schemas.SendMail, run=jobs.send_mail),)


@hookimpl
def crm_mail_transports() -> Sequence[MailTransport]:
    return transports.TRANSPORTS
