"""Every hook of the CRM, once."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.plugin import (
    Action,
    Check,
    Command,
    ConnectionScope,
    Default,
    DemoData,
    Entity,
    EntityRoutes,
    EventSink,
    EventType,
    FieldOn,
    FormTarget,
    Handover,
    Job,
    Listener,
    MailTransport,
    Migrations,
    NavItem,
    NotificationKind,
    Permission,
    Retention,
    Schedule,
    SettingsGroup,
    Slot,
    Strings,
    Variable,
    hookimpl,
)
from crm_core.testing.sample_plugin import (
    actions,
    checks,
    cli,
    demo,
    entities,
    events,
    handover,
    jobs,
    listeners,
    outside,
    pages,
    public_pages,
    rest,
    settings,
)  # fmt: skip

_ = Strings(__package__)


@hookimpl
def crm_migrations() -> Sequence[Migrations]:
    return (Migrations("crm_core.testing.sample_plugin", name="sample"),)


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.VISIT,)


@hookimpl
def crm_fields() -> Sequence[FieldOn]:
    return entities.ON_COMPANY


@hookimpl
def crm_actions() -> Sequence[Action]:
    return (actions.FINISH, actions.INVITE)


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (Permission(name="sample.visits.manage", label=_("Manage visits"), roles=("manager",)),)


@hookimpl
def crm_settings() -> Sequence[SettingsGroup]:
    return (settings.GROUP,)


@hookimpl
def crm_defaults() -> Sequence[Default]:
    return (Default("sample.topics", actions.install_topics), Default("sample.numbers", actions.install_numbers))


@hookimpl
def crm_routes() -> Sequence[type]:
    return (rest.VisitsApi, pages.VisitPages, public_pages.Confirm)


@hookimpl
def crm_entity_routes() -> Sequence[EntityRoutes]:
    return (EntityRoutes("sample.visited", rest.visited),)


@hookimpl
def crm_handovers() -> Sequence[Handover]:
    return (handover.DUTIES,)


@hookimpl
def crm_notification_kinds() -> Sequence[NotificationKind]:
    return (actions.CONFIRMED,)


@hookimpl
def crm_form_targets() -> Sequence[FormTarget]:
    return (entities.BY_FORM,)


@hookimpl
def crm_nav() -> Sequence[NavItem]:
    return (NavItem(label=_("Visit overview"), href="/sample/overview", icon="map", permission="sample.visits.manage"),)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(
            place="record.panels", entity="core.company", label=_("Visits"), src="/sample/panel?id={id}",
            permission="sample.visit.read",
        ),
    )  # fmt: skip


@hookimpl
def crm_events() -> Sequence[EventType]:
    return (events.VISIT_DONE, events.VISIT_CONFIRMED)


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return listeners.LISTENERS


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (jobs.MARK_MISSED, jobs.WRITE_LETTER)


@hookimpl
def crm_schedules() -> Sequence[Schedule]:
    return (jobs.NIGHTLY,)


@hookimpl
def crm_variables() -> Sequence[Variable]:
    return (Variable("sample.visit", "length", "text", checks.length_in_words),)


@hookimpl
def crm_commands() -> Sequence[Command]:
    return (Command(cli.mark_missed),)


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("sample.visits", demo.load, after=("companies",)),)


@hookimpl
def crm_retention() -> Sequence[Retention]:
    return (checks.MISSED,)


@hookimpl
def crm_checks() -> Sequence[Check]:
    return (Check("sample.lengths", checks.lengths),)


@hookimpl
def crm_mail_transports() -> Sequence[MailTransport]:
    return (MailTransport("sample.memory", outside.send),)


@hookimpl
def crm_connection_scopes() -> Sequence[ConnectionScope]:
    return (ConnectionScope("example", ("visits.read",)),)


@hookimpl
def crm_event_sinks() -> Sequence[EventSink]:
    return (EventSink("sample.memory", outside.take),)
