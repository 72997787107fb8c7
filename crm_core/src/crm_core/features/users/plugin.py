"""Users."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.auth.people import TeamMember, User, UserRole
from crm_core.features.users import actions, listeners
from crm_core.plugin import Action, Child, Entity, Listener, Permission, Strings, fields, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (
        Entity(
            name="core.user",
            model=User,
            label=_("User"),
            plural=_("Users"),
            path="users",
            icon="user",
            title="name",
            fields=(
                fields.Text("name", _("Name"), required=True, sortable=True, search="A", personal=True),
                fields.Email("email", _("E-mail"), required=True, unique=True, length=254, search="B", personal=True),
                fields.Text("job_title", _("Job title"), personal=True, filterable=False),
                fields.Phone("phone", _("Phone"), length=64, personal=True, filterable=False),
                fields.Choice("locale", _("Language"), options=actions.LOCALE_OPTIONS, default="en"),
                fields.Text("zone", _("Time zone"), length=64, default="UTC", filterable=False),
                fields.Boolean("is_active", _("Active"), default=True),
            ),
            list_columns=("name", "email", "job_title", "is_active"),
            default_sort="name",
            children=(
                Child(
                    name="teams",
                    model=TeamMember,
                    foreign_key="user_id",
                    label=_("Teams"),
                    fields=(
                        fields.Link("team_id", _("Team"), target="core.team", required=True, reverse="members"),
                        fields.Boolean("is_primary", _("Primary"), default=False),
                    ),
                ),
                Child(
                    name="roles",
                    model=UserRole,
                    foreign_key="user_id",
                    label=_("Roles"),
                    fields=(fields.Link("role_id", _("Role"), target="core.role", required=True),),
                ),
            ),
            validate=actions.validate,
            defaults=actions.defaults,
            roles={},
            match_by=("email",),
            public_read=True,
            order=900,
        ),
    )


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (
        Permission(name="core.user.grant", label=_("Give roles to users"), roles=("admin",)),
        Permission(name="core.user.set_password", label=_("Set other people's passwords"), roles=("admin",)),
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
    return (
        Listener(event="core.user.updated", run=listeners.people_changed, name="core.user.rights"),
        Listener(event="core.user.deleted", run=listeners.people_changed, name="core.user.rights"),
        Listener(event="core.user.restored", run=listeners.people_changed, name="core.user.rights"),
    )
