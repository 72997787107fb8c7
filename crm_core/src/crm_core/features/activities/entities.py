"""What an activity is."""

from __future__ import annotations

from crm_core.entity.fields import Option
from crm_core.features.activities import rules
from crm_core.features.activities.models import Activity, ActivityLink, Participant
from crm_core.features.standard import OWNERSHIP, ROLES, TIMES
from crm_core.plugin import Child, Entity, Strings, fields

_ = Strings("crm_core")

KINDS = (
    Option(value="task", label=_("Task"), colour="blue"),
    Option(value="call", label=_("Call"), colour="green"),
    Option(value="meeting", label=_("Meeting"), colour="violet"),
    Option(value="note", label=_("Note"), colour="amber"),
    Option(value="email", label=_("E-mail"), colour="teal"),
)
PRIORITIES = (
    Option(value="low", label=_("Low"), colour="grey"),
    Option(value="normal", label=_("Normal"), colour="blue"),
    Option(value="high", label=_("High"), colour="red"),
)
VISIBILITIES = (
    Option(value="shared", label=_("Shared"), colour="blue"),
    Option(value="private", label=_("Private"), colour="grey"),
)

ACTIVITY = Entity(
    name="core.activity",
    model=Activity,
    label=_("Activity"),
    plural=_("Activities"),
    path="activities",
    icon="calendar-event",
    title="subject",
    fields=(
        fields.Choice("kind", _("Kind"), options=KINDS, required=True, default="task", import_names=("type", "art")),
        fields.Text(
            "subject",
            _("Subject"),
            required=True,
            sortable=True,
            search="A",
            import_names=("title", "name", "betreff"),
        ),
        fields.LongText("body", _("Text"), search="B", personal=True, import_names=("description", "notes", "notiz")),
        fields.AnyLink("parent", _("About")),
        fields.DateTime("due_at", _("Due"), sortable=True, import_names=("due", "due date", "fällig")),
        fields.DateTime("done_at", _("Done"), sortable=True, import_names=("completed", "erledigt")),
        fields.Appointment("starts_at", _("Starts"), group="time", sortable=True, import_names=("start", "beginn")),
        fields.Appointment("ends_at", _("Ends"), group="time", import_names=("end", "ende")),
        fields.Boolean("all_day", _("All day"), group="time", default=False),
        fields.Date("starts_on", _("First day"), group="time", import_names=("date", "datum")),
        fields.Date("ends_on", _("Last day"), group="time"),
        fields.Text("location", _("Place"), group="time", search="B", import_names=("place", "ort")),
        fields.Choice("priority", _("Priority"), options=PRIORITIES, default="normal"),
        fields.Choice("visibility", _("Visible to"), options=VISIBILITIES, default="shared"),
        fields.Link("organiser_id", _("Organiser"), target="core.user", group="owner"),
        *OWNERSHIP,
        *TIMES,
    ),
    list_columns=("subject", "kind", "parent", "due_at", "done_at", "owner_id"),
    default_sort="-due_at",
    children=(
        Child(
            name="participants",
            model=Participant,
            foreign_key="activity_id",
            label=_("Participants"),
            fields=(
                fields.Link("user_id", _("User"), target="core.user"),
                fields.Link("contact_id", _("Contact"), target="core.contact"),
                fields.Text("name", _("Name"), personal=True),
                fields.Email("email", _("E-mail"), personal=True),
            ),
            personal=True,
        ),
        Child(
            name="links",
            model=ActivityLink,
            foreign_key="activity_id",
            label=_("Also about"),
            fields=(fields.AnyLink("record", _("Record"), required=True),),
        ),
    ),
    also_visible=rules.also_visible,
    never_visible=rules.never_visible,
    defaults=rules.defaults,
    validate=rules.validate,
    roles=ROLES,
    open_when={"field": "done_at", "op": "empty"},
    order=50,
)
