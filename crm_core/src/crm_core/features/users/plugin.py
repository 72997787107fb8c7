"""Users."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.users import actions, listeners
from crm_core.features.users.entities import USER
from crm_core.plugin import Action, Entity, Listener, Permission, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (USER,)


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (
        Permission(name="core.user.grant", label=_("Give roles to users"), roles=("admin",)),
        Permission(
            name="core.user.set_password", label=_("Set passwords and end sessions of others"), roles=("admin",)
        ),
    )


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
        for what in ("updated", "deleted", "restored")
    )
