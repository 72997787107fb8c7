"""What a calendar of working time is, and what an absence is."""

from __future__ import annotations

from crm_core.entity.fields import Option
from crm_core.features.worktime import rules
from crm_core.features.worktime.models import Absence, WorkCalendar, WorkDay, WorkUse
from crm_core.plugin import Child, Entity, Strings, fields

_ = Strings("crm_core")
HOURS = _("09:00-12:30, 13:15-17:00; empty: a day off. 22:00-06:00 ends on the next day.")
KINDS = (
    Option(value="vacation", label=_("Vacation"), colour="blue"),
    Option(value="sick", label=_("Sick"), colour="amber"),
    Option(value="training", label=_("Training"), colour="teal"),
    Option(value="other", label=_("Other"), colour="grey"),
)

DAYS = Child(
    name="days",
    model=WorkDay,
    foreign_key="calendar_id",
    label=_("Days with other hours"),
    fields=(
        fields.Date("day", _("Day"), required=True),
        fields.Text("hours", _("Hours"), help=_("09:00-12:30, 13:15-17:00; empty: a day off.")),
        fields.Text("label", _("Reason")),
    ),
    ordered=True,
)
USES = Child(
    name="uses",
    model=WorkUse,
    foreign_key="calendar_id",
    label=_("Whose calendar it is"),
    fields=(
        fields.Link("user_id", _("User"), target="core.user", on_erase="delete"),
        fields.Link("team_id", _("Team"), target="core.team"),
    ),
    ordered=True,
)
WORK_CALENDAR = Entity(
    name="core.work_calendar",
    model=WorkCalendar,
    label=_("Working hours"),
    plural=_("Working hours"),
    path="work-calendars",
    icon="calendar-time",
    title="name",
    fields=(
        fields.Text("name", _("Name"), length=100, required=True, sortable=True),
        fields.Choice("zone", _("Time zone"), choices=rules.zones, required=True, default="UTC"),
        fields.Boolean("is_default", _("For the whole organisation"), help=_("For whoever has no calendar.")),
        fields.Text("monday", _("Monday"), group="hours", help=HOURS, in_form=False),
        fields.Text("tuesday", _("Tuesday"), group="hours", in_form=False),
        fields.Text("wednesday", _("Wednesday"), group="hours", in_form=False),
        fields.Text("thursday", _("Thursday"), group="hours", in_form=False),
        fields.Text("friday", _("Friday"), group="hours", in_form=False),
        fields.Text("saturday", _("Saturday"), group="hours", in_form=False),
        fields.Text("sunday", _("Sunday"), group="hours", in_form=False),
        fields.Choice("country", _("Public holidays of"), choices=rules.countries, group="holidays"),
        fields.Choice(
            "subdivision", _("Region"), choices=rules.regions, group="holidays",
            help=_("Save another country first, then choose its region."),
        ),
        fields.Url("feed_url", _("Calendar file"), group="holidays", help=_("Its all-day entries are days off.")),
        fields.DateTime("feed_at", _("File read"), readonly=True, group="holidays"),
        fields.Text("feed_problem", _("Last problem"), readonly=True, group="holidays"),
    ),
    list_columns=("name", "zone", "is_default", "country"),
    default_sort="name",
    children=(DAYS, USES),
    validate=rules.validate_calendar,
    protected=True,
    public_read=True,
    open_when={"any": []},
    match_by=("name",),
    order=984,
)  # fmt: skip

ABSENCE = Entity(
    name="core.absence",
    model=Absence,
    label=_("Absence"),
    plural=_("Absences"),
    path="absences",
    icon="beach",
    title="note",
    fields=(
        fields.Text("note", _("Note"), required=True, personal=True, sortable=True),
        fields.Choice("kind", _("Kind"), options=KINDS, required=True, default="vacation"),
        fields.DateTime("starts_at", _("From"), required=True, sortable=True),
        fields.DateTime("ends_at", _("Until"), required=True, sortable=True),
        fields.Link("deputy_id", _("Deputy"), target="core.user", help=_("Gets what cannot wait.")),
        fields.Link("owner_id", _("Who"), target="core.user", group="owner", on_erase="delete"),
        fields.Link("team_id", _("Team"), target="core.team", readonly=True, group="owner"),
    ),
    list_columns=("note", "owner_id", "kind", "starts_at", "ends_at", "deputy_id"),
    default_sort="-starts_at",
    validate=rules.validate_absence,
    roles={"manager": "team", "sales": "own", "support": "own", "readonly": "none"},
    open_when={"any": []},
    order=940,
)
