"""What a visit is."""

from __future__ import annotations

from crm_core.plugin import Entity, Strings, fields

from crm_visits.models import Visit

_ = Strings("crm_visits")

VISIT = Entity(
    name="visits.visit",
    model=Visit,
    label=_("Visit"),
    plural=_("Visits"),
    path="visits",
    icon="map-pin",
    title="subject",
    fields=(
        fields.Text("subject", _("Subject"), required=True, sortable=True, search="A"),
        fields.Link("company_id", _("Company"), target="core.company", reverse="visits", reverse_label=_("Visits")),
        fields.Date("visited_on", _("Day"), required=True, sortable=True),
        fields.Integer("minutes", _("Minutes"), readonly=True),
        fields.LongText("notes", _("Notes"), personal=True),
        fields.Link("owner_id", _("Owner"), target="core.user", on_erase="keep"),
    ),
    list_columns=("subject", "company_id", "visited_on", "minutes"),
    default_sort="-visited_on",
    roles={"manager": "team", "sales": "own"},
)
