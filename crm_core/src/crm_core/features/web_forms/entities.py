"""What a form is, and what a submission is."""

from __future__ import annotations

from crm_core.entity.fields import Option
from crm_core.features.web_forms import rules, targets
from crm_core.features.web_forms.models import WebForm, WebFormField, WebFormSubmission
from crm_core.plugin import Child, Entity, Strings, fields

_ = Strings("crm_core")

STATES = (
    Option(value="pending", label=_("Waits for confirmation"), colour="blue"),
    Option(value="accepted", label=_("Accepted"), colour="green"),
    Option(value="spam", label=_("Spam"), colour="red"),
    Option(value="failed", label=_("Failed"), colour="amber"),
    Option(value="expired", label=_("Never confirmed"), colour="grey"),
)

FIELDS = Child(
    name="fields",
    model=WebFormField,
    foreign_key="form_id",
    label=_("Fields"),
    fields=(
        fields.Text("field", _("Field"), length=64, required=True),
        fields.Text("label", _("Label")),
        fields.Text("help", _("Hint"), length=500),
        fields.Boolean("is_required", _("Required")),
        fields.Boolean("is_hidden", _("Hidden")),
        fields.Text("value", _("Value"), length=1000),
    ),
    ordered=True,
    in_form=False,
)

WEB_FORM = Entity(
    name="core.web_form",
    model=WebForm,
    label=_("Web form"),
    plural=_("Web forms"),
    path="web-forms",
    icon="forms",
    title="name",
    fields=(
        fields.Text("name", _("Name"), length=100, required=True, sortable=True),
        fields.Choice("target", _("Makes"), choices=targets.kinds, required=True, default="core.lead"),
        fields.Boolean("is_active", _("Switched on"), default=True),
        fields.Text("title", _("Heading"), help=_("Above the form; the name when empty.")),
        fields.LongText("intro", _("Text above the fields"), length=5000, filterable=False),
        fields.Text("button", _("Button"), length=60),
        fields.LongText(
            "consent", _("Consent"), length=5000, filterable=False,
            help=_("Visitors have to tick this; the text they saw is kept with what they sent."),
        ),
        fields.Boolean(
            "is_double_opt_in", _("Confirm by mail"),
            help=_("The record is made once the visitor opens the link in a mail. Needs a field for the address."),
        ),
        fields.LongText(
            "allowed_hosts", _("Web sites that may embed it"), length=5000, filterable=False,
            help=_("One a line: www.example.com or *.example.com. The form's own address always works."),
        ),
        fields.LongText("thanks", _("Text after sending"), length=5000, filterable=False),
        fields.Url("thanks_url", _("Page after sending"), filterable=False, help=_("In place of the text.")),
        fields.Link(
            "assign_to_id", _("Records belong to"), target="core.user", on_erase="clear",
            help=_("Their owner; nobody when empty."),
        ),
        fields.Link(
            "pool_id", _("Given out by the pool"), target="core.pool",
            help=_("Who gets each record; the one above when nobody can."),
        ),
        fields.Link("owner_id", _("Owner"), target="core.user", group="owner"),
        fields.DateTime("created_at", _("Created"), readonly=True, sortable=True),
    ),
    list_columns=("name", "target", "is_active", "is_double_opt_in", "created_at"),
    default_sort="name",
    children=(FIELDS,),
    defaults=rules.defaults,
    validate=rules.validate,
    protected=True,
    open_when={"any": []},
    order=982,
)  # fmt: skip

SUBMISSION = Entity(
    name="core.web_form_submission",
    model=WebFormSubmission,
    label=_("Submission"),
    plural=_("Submissions"),
    path="web-form-submissions",
    icon="inbox",
    title="subject",
    parent="form_id",
    fields=(
        fields.Text("subject", _("From"), personal=True, required=True, sortable=True),
        fields.Link(
            "form_id", _("Web form"), target="core.web_form", required=True, reverse="submissions",
            reverse_label=_("Submissions"),
        ),
        fields.Choice("state", _("State"), options=STATES, readonly=True),
        fields.Text("reason", _("Because"), length=64, readonly=True),
        fields.Email("email", _("E-mail"), readonly=True, personal=True),
        fields.LongText("consent", _("Consent"), readonly=True, filterable=False),
        fields.AnyLink("record", _("Record"), readonly=True),
        fields.Url("page_url", _("Sent from"), readonly=True, group="source"),
        fields.Text("utm_source", _("Campaign source"), readonly=True, group="source"),
        fields.Text("utm_medium", _("Campaign medium"), readonly=True, group="source"),
        fields.Text("utm_campaign", _("Campaign"), readonly=True, group="source"),
        fields.Text("utm_term", _("Campaign term"), readonly=True, group="source"),
        fields.Text("utm_content", _("Campaign content"), readonly=True, group="source"),
        fields.LongText(
            "answers", _("Answers as data"), readonly=True, personal=True, filterable=False, group="source"
        ),
        fields.DateTime("expires_at", _("Confirm until"), readonly=True),
        fields.DateTime("confirmed_at", _("Confirmed"), readonly=True),
        fields.DateTime("created_at", _("Sent"), readonly=True, sortable=True),
    ),
    list_columns=("subject", "form_id", "state", "reason", "record", "utm_campaign", "created_at"),
    default_sort="-created_at",
    in_menu=False,
    order=983,
)  # fmt: skip
