"""What a lead is."""

from __future__ import annotations

from crm_core.entity.fields import Option
from crm_core.features.leads import conversion
from crm_core.features.leads.models import Lead
from crm_core.features.standard import COMMON, ROLES
from crm_core.plugin import Entity, Strings, fields

_ = Strings("crm_core")

STATUSES = (
    Option(value="new", label=_("New"), colour="blue"),
    Option(value="contacted", label=_("Contacted"), colour="violet"),
    Option(value="qualified", label=_("Qualified"), colour="green"),
    Option(value="unqualified", label=_("Unqualified"), colour="grey"),
    Option(value="converted", label=_("Converted"), colour="teal"),
)
SOURCES = (
    Option(value="website", label=_("Website"), colour="blue"),
    Option(value="referral", label=_("Referral"), colour="green"),
    Option(value="event", label=_("Event"), colour="violet"),
    Option(value="campaign", label=_("Campaign"), colour="pink"),
    Option(value="phone", label=_("Phone"), colour="amber"),
    Option(value="partner", label=_("Partner"), colour="teal"),
    Option(value="other", label=_("Other"), colour="grey"),
)

LEAD = Entity(
    name="core.lead",
    model=Lead,
    label=_("Lead"),
    plural=_("Leads"),
    path="leads",
    icon="target-arrow",
    title="name",
    fields=(
        fields.Text(
            "name",
            _("Name"),
            required=True,
            sortable=True,
            search="A",
            personal=True,
            import_names=("lead", "full name", "contact"),
        ),
        fields.Text(
            "company_name",
            _("Company name"),
            sortable=True,
            search="A",
            import_names=("company", "account", "organisation", "firma"),
        ),
        fields.Text("job_title", _("Job title"), length=150, search="B", import_names=("title", "position")),
        fields.Email("email", _("E-mail"), search="A", personal=True, import_names=("e-mail", "email address", "mail")),
        fields.Phone("phone", _("Phone"), length=60, search="B", personal=True, import_names=("telephone", "telefon")),
        fields.Choice("status", _("Status"), options=STATUSES, required=True, default="new", import_names=("state",)),
        fields.Choice("source", _("Source"), options=SOURCES, import_names=("lead source", "channel", "quelle")),
        fields.Text("country", _("Country"), length=100, import_names=("land",)),
        fields.LongText(
            "description", _("Description"), search="B", personal=True, import_names=("notes", "beschreibung")
        ),
        fields.Link(
            "company_id", _("Company"), target="core.company", reverse="leads", reverse_label=_("Leads"), readonly=True
        ),
        fields.Link(
            "contact_id",
            _("Contact"),
            target="core.contact",
            reverse="leads",
            reverse_label=_("Leads"),
            readonly=True,
            on_erase="delete",  # the same person: erased together
        ),
        fields.Link("deal_id", _("Deal"), target="core.deal", reverse="leads", reverse_label=_("Leads"), readonly=True),
        fields.DateTime("converted_at", _("Converted"), readonly=True, sortable=True),
        *COMMON,
    ),
    list_columns=("name", "company_name", "status", "source", "email", "owner_id", "created_at"),
    default_sort="-created_at",
    validate=conversion.validate,
    roles=ROLES,
    open_when={"none": [{"field": "status", "op": "in", "value": ["converted", "unqualified"]}]},
    match_by=("email", "name"),
    order=10,
    has_activity=True,
    mergeable=True,
)
