"""Web forms: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.web_forms import (
    actions,
    demo,
    entities,
    events,
    jobs,
    known,
    pages,
    public_pages,
    retention,
    rules,
    schemas,
)
from crm_core.plugin import (
    Action,
    DemoData,
    Entity,
    EventType,
    FormTarget,
    Job,
    Listener,
    NavItem,
    Permission,
    Retention,
    Schedule,
    Slot,
    Strings,
    hookimpl,
)

_ = Strings("crm_core")


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.WEB_FORM, entities.SUBMISSION)


@hookimpl
def crm_form_targets() -> Sequence[FormTarget]:
    return known.TARGETS


@hookimpl
def crm_actions() -> Sequence[Action]:
    return actions.ACTIONS


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (
        Permission(
            name="core.web_form.manage", label=_("Set up web forms"),
            implies=tuple(f"core.web_form.{verb}" for verb in ("read", "create", "edit", "delete", "export")),
        ),
    )  # fmt: skip


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return rules.LISTENERS


@hookimpl
def crm_events() -> Sequence[EventType]:
    return events.EVENT_TYPES


@hookimpl
def crm_routes() -> Sequence[type]:
    return (
        pages.BuilderPages,
        pages.AnswersPanel,
        pages.SourcePanel,
        public_pages.WebFormPage,
        public_pages.ConfirmPage,
    )


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (Job(call=schemas.ExpireSubmissions, run=jobs.expire),)


@hookimpl
def crm_schedules() -> Sequence[Schedule]:
    return (Schedule("core.expire_submissions", schemas.ExpireSubmissions(), "29 * * * *"),)


@hookimpl
def crm_retention() -> Sequence[Retention]:
    return retention.KINDS


@hookimpl
def crm_nav() -> Sequence[NavItem]:
    return (
        NavItem(
            label=_("Web forms"), href="/web-forms", icon="forms", permission="core.web_form.read", order=982,
            group="Administration",
        ),
    )  # fmt: skip


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(
            place="record.header", entity="core.web_form", label=_("Fields"), template="core/_web_form_links.html",
            permission="core.web_form.read", order=10,
        ),
        Slot(
            place="record.panels", entity="core.web_form_submission", label=_("What was sent"), order=5,
            src="/web-form-submissions/{id}/answers", permission="core.web_form.read",
        ),
        *(
            Slot(
                place="record.panels", entity=name, label=_("Web form"), order=840,
                src="/web-form-source?entity={entity}&id={id}",
            )
            for name in ("core.lead", "core.contact")
        ),
    )  # fmt: skip


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("web_forms", demo.load, after=("leads",)),)
