"""What a role is to the rest of the CRM."""

from __future__ import annotations

from crm_core.auth.people import Role, RoleField, RoleGrant
from crm_core.features.roles import actions
from crm_core.plugin import Child, Entity, Strings, fields

_ = Strings("crm_core")

ROLE = Entity(
    name="core.role",
    model=Role,
    label=_("Role"),
    plural=_("Roles"),
    path="roles",
    icon="shield",
    title="name",
    fields=(
        fields.Text("name", _("Name"), required=True, sortable=True, unique=True, search="A"),
        fields.Text("key", _("Key"), length=64, readonly=True, filterable=False),
        fields.LongText("description", _("Description"), filterable=False),
        fields.Boolean("everything", _("May do everything"), default=False),
        fields.Boolean("second_factor", _("Needs a second factor"), default=False),
    ),
    list_columns=("name", "description", "everything"),
    default_sort="name",
    children=(
        Child(
            name="grants",
            model=RoleGrant,
            foreign_key="role_id",
            label=_("Rights"),
            in_form=False,
            fields=(
                fields.Text("name", _("Right"), length=128, required=True),
                fields.Choice("scope", _("Reach"), options=actions.SCOPE_OPTIONS, default="all", required=True),
            ),
        ),
        Child(
            name="barred",
            model=RoleField,
            foreign_key="role_id",
            label=_("Barred fields"),
            in_form=False,
            fields=(
                fields.Text("entity", _("Record type"), length=64, required=True),
                fields.Text("field", _("Field"), length=64, required=True),
                fields.Choice("level", _("Level"), options=actions.LEVEL_OPTIONS, default="hidden", required=True),
            ),
        ),
    ),
    validate=actions.validate,
    protected=True,
    order=920,
)
