"""What a team is to the rest of the CRM."""

from __future__ import annotations

from crm_core.auth.people import Team
from crm_core.features.teams import actions
from crm_core.plugin import Entity, Strings, fields

_ = Strings("crm_core")

TEAM = Entity(
    name="core.team",
    model=Team,
    label=_("Team"),
    plural=_("Teams"),
    path="teams",
    icon="users-group",
    title="name",
    fields=(
        fields.Text("name", _("Name"), required=True, sortable=True, unique=True, search="A"),
        fields.Link("parent_id", _("Part of"), target="core.team", reverse="subteams", reverse_label=_("Teams below")),
        fields.LongText("description", _("Description"), filterable=False),
    ),
    list_columns=("name", "parent_id"),
    default_sort="name",
    validate=actions.validate,
    match_by=("name",),
    public_read=True,
    order=910,
)
