"""Users."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.auth import viewing
from crm_core.features.users import actions, jobs, listeners
from crm_core.features.users.entities import USER
from crm_core.features.users.events import EVENT_TYPES
from crm_core.features.users.pages import ViewingPages
from crm_core.features.users.schemas import EndViewing
from crm_core.plugin import Action, Entity, EventType, Job, Listener, Permission, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (USER,)


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (
        Permission(name=viewing.RIGHT, label=_("Open the CRM as another user, only reading"), roles=("admin",)),
        Permission(name="core.user.grant", label=_("Give roles to users"), roles=("admin",)),
        Permission(
            name="core.user.set_password", label=_("Set passwords and end sessions of others"), roles=("admin",)
        ),
    )


@hookimpl
def crm_routes() -> Sequence[type]:
    return (ViewingPages,)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(place="layout.foot", label=_("Viewing as"), template="core/_viewing.html", order=1),
        Slot(
            place="record.header", entity="core.user", label=_("View as"), template="core/_view_as.html",
            permission=viewing.RIGHT, order=20,
        ),
    )  # fmt: skip


@hookimpl
def crm_events() -> Sequence[EventType]:
    return EVENT_TYPES


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (Job(call=EndViewing, run=jobs.end_viewing),)


@hookimpl
def crm_actions() -> Sequence[Action]:
    return (
        Action(
            entity="core.user",
            name="sign-out",
            label=_("End all sessions"),
            icon="logout",
            run=actions.end_sessions,
            permission="core.user.set_password",
            confirm=_("This user is signed out everywhere."),
        ),
    )


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return tuple(
        Listener(event=f"core.user.{what}", run=listeners.people_changed, name="core.user.rights")
        for what in ("updated", "deleted", "restored", "merged")
    )
