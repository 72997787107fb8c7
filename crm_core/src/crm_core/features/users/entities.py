"""What a user is to the rest of the CRM."""

from __future__ import annotations

from crm_core.auth.people import TeamMember, User, UserRole
from crm_core.features.users import actions
from crm_core.plugin import Child, Entity, Strings, fields

_ = Strings("crm_core")

USER = Entity(
    name="core.user",
    model=User,
    label=_("User"),
    plural=_("Users"),
    path="users",
    icon="user-cog",
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
)
