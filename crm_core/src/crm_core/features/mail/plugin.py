"""System mail: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.mail import (
    checks,
    cli,
    delivery,
    entities,
    events,
    jobs,
    pages,
    public_pages,
    rest,
    schemas,
    transports,
)
from crm_core.plugin import (
    Check,
    Command,
    Entity,
    EventType,
    Job,
    MailTransport,
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
    return (entities.SUPPRESSION,)


@hookimpl
def crm_routes() -> Sequence[type]:
    return (pages.LedgerPages, pages.MailPages, rest.MailsApi, rest.MailApi, public_pages.Unsubscribe)


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (Permission(name="core.mail.manage", label=_("Manage e-mail")),)


@hookimpl
def crm_nav() -> Sequence[NavItem]:
    return (
        NavItem(
            label=_("Sent mails"), href="/admin/mails", icon="mail", permission="core.mail.manage", order=925,
            group="Administration",
        ),
    )  # fmt: skip


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(place="settings.pages", label=_("E-mail"), src="/admin/mail", permission="core.mail.manage", order=30),
        Slot(place="home.top", label=_("E-mail"), src="/admin/mail/notice", permission="core.mail.manage", order=5),
    )


@hookimpl
def crm_events() -> Sequence[EventType]:
    return events.EVENT_TYPES


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (
        Job(call=schemas.SendMail, run=jobs.send_mail, max_attempts=delivery.JOB_ATTEMPTS),
        Job(call=schemas.ReviveMails, run=jobs.revive_mails),
    )


@hookimpl
def crm_schedules() -> Sequence[Schedule]:
    return (Schedule("core.revive_mails", schemas.ReviveMails(), "*/5 * * * *"),)


@hookimpl
def crm_mail_transports() -> Sequence[MailTransport]:
    return transports.TRANSPORTS


@hookimpl
def crm_commands() -> Sequence[Command]:
    return (Command(cli.command),)


@hookimpl
def crm_checks() -> Sequence[Check]:
    return (Check("core.mail_password", checks.password_opens),)
