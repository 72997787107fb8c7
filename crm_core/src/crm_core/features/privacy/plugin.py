"""Privacy: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.privacy import actions, again, checks, cli
from crm_core.features.privacy.models import Erasure as Erasure  # its table belongs to the schema
from crm_core.features.privacy.rest import Erasures, entity_routes
from crm_core.features.privacy.schemas import ErasePerson, PersonErased, ReapplyErasures
from crm_core.plugin import (
    Action,
    Check,
    Command,
    EntityRoutes,
    EventType,
    Job,
    Permission,
    Schedule,
    Slot,
    Strings,
    hookimpl,
)

_ = Strings("crm_core")


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (
        Permission(name=actions.RIGHT, label=_("Give out and erase what is known about a person"), roles=("admin",)),
    )


@hookimpl
def crm_actions() -> Sequence[Action]:
    return actions.ACTIONS


@hookimpl
def crm_routes() -> Sequence[type]:
    return (Erasures,)


@hookimpl
def crm_entity_routes() -> Sequence[EntityRoutes]:
    return (EntityRoutes("core.privacy", entity_routes),)


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (
        Job(call=ErasePerson, run=actions.erase_person, time_limit=6 * 3600.0),
        Job(call=ReapplyErasures, run=again.reapply_job),
    )


@hookimpl
def crm_schedules() -> Sequence[Schedule]:
    return (Schedule("core.reapply_erasures", ReapplyErasures(), "*/5 * * * *"),)


@hookimpl
def crm_checks() -> Sequence[Check]:
    return checks.CHECKS


@hookimpl
def crm_events() -> Sequence[EventType]:
    return (
        EventType(struct=PersonErased, name="core.privacy.person_erased", label=_("Person erased"), icon="eraser",
                  personal=()),
    )  # fmt: skip


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return tuple(
        Slot(
            place="record.header", entity=entity, label=_("Personal data"), template="core/_personal_data_link.html",
            permission=actions.RIGHT, order=90,
        )
        for entity in ("core.contact", "core.lead")
    )  # fmt: skip


@hookimpl
def crm_commands() -> Sequence[Command]:
    return (Command(cli.privacy),)
