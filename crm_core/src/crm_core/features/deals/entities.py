"""What a deal is."""

from __future__ import annotations

from decimal import Decimal

from crm_core.features.deals import rules
from crm_core.features.deals.models import Deal, DealContact, DealRole, LostReason
from crm_core.features.standard import COMMON, ROLES
from crm_core.plugin import Child, Entity, Strings, fields

_ = Strings("crm_core")

DEAL_ROLE = Entity(
    name="core.deal_role",
    model=DealRole,
    label=_("Role in a deal"),
    plural=_("Roles in deals"),
    path="deal-roles",
    icon="user-star",
    title="name",
    fields=(
        fields.Text("name", _("Name"), length=100, required=True, sortable=True),
        fields.Integer("position", _("Position"), default=0, minimum=0, maximum=100_000, sortable=True),
        fields.Boolean("is_archived", _("Archived"), default=False, help=_("No longer offered")),
    ),
    list_columns=("name", "position", "is_archived"),
    default_sort="position",
    offered_when={"field": "is_archived", "op": "is", "value": False},
    in_menu=False,
    public_read=True,
    match_by=("name",),
    order=202,
)

LOST_REASON = Entity(
    name="core.lost_reason",
    model=LostReason,
    label=_("Lost reason"),
    plural=_("Lost reasons"),
    path="lost-reasons",
    icon="mood-sad",
    title="name",
    fields=(
        fields.Text("name", _("Name"), length=100, required=True, sortable=True),
        fields.Integer("position", _("Position"), default=0, minimum=0, maximum=100_000, sortable=True),
        fields.Boolean("is_archived", _("Archived"), default=False, help=_("No longer offered")),
    ),
    list_columns=("name", "position", "is_archived"),
    default_sort="position",
    offered_when={"field": "is_archived", "op": "is", "value": False},
    in_menu=False,
    public_read=True,
    match_by=("name",),
    order=203,
)

CONTACTS = Child(
    name="contacts",
    model=DealContact,
    foreign_key="deal_id",
    label=_("Contacts"),
    fields=(
        fields.Link("contact_id", _("Contact"), target="core.contact", required=True, on_erase="delete"),
        fields.Link("role_id", _("Role"), target="core.deal_role"),
        fields.Boolean("is_primary", _("Main contact"), default=False),
    ),
    ordered=True,
)

DEAL = Entity(
    name="core.deal",
    model=Deal,
    label=_("Deal"),
    plural=_("Deals"),
    path="deals",
    icon="coin",
    title="name",
    fields=(
        fields.Text(
            "name",
            _("Name"),
            required=True,
            sortable=True,
            search="A",
            import_names=("deal", "deal name", "opportunity", "opportunity name", "title"),
        ),
        fields.Link(
            "company_id",
            _("Company"),
            target="core.company",
            reverse="deals",
            reverse_label=_("Deals"),
            import_names=("company", "account", "organisation", "firma"),
        ),
        fields.Link(
            "contact_id",
            _("Contact"),
            target="core.contact",
            reverse="deals",
            reverse_label=_("Deals"),
            import_names=("contact", "contact name", "ansprechpartner"),
        ),
        fields.Link(
            "pipeline_id",
            _("Pipeline"),
            target="core.pipeline",
            help=_("Empty: the default one"),
            import_names=("pipeline",),
        ),
        fields.Stage(
            "stage_id",
            _("Stage"),
            group_field="pipeline_id",
            opened_field="engaged_on",
            closed_field="closed_on",
            entered_field="stage_entered_at",
            reason_fields=("lost_reason_id", "lost_reason"),
            import_names=("stage", "deal stage", "status", "phase"),
        ),
        fields.Money(
            "amount",
            _("Amount"),
            sortable=True,
            date_field="closed_on",
            minimum=Decimal(0),
            import_names=("value", "close value", "betrag"),
        ),
        fields.Decimal("amount_rate", _("Exchange rate of the amount"), digits=6, readonly=True),
        fields.Date("amount_rate_on", _("Day of the exchange rate"), readonly=True),
        fields.Percent("probability", _("Probability"), minimum=Decimal(0), maximum=Decimal(100)),
        fields.Date("engaged_on", _("Engaged on"), sortable=True, import_names=("engage date", "opened on")),
        fields.Date(
            "expected_close_on", _("Expected close"), sortable=True, import_names=("expected close date", "due")
        ),
        fields.Date("closed_on", _("Closed on"), sortable=True, import_names=("close date", "closed at")),
        fields.Text("product", _("Product"), length=100, search="B", import_names=("product name", "produkt")),
        fields.Text(
            "reference",
            _("Reference"),
            length=60,
            search="A",
            import_names=("opportunity id", "deal id", "number", "external id"),
        ),
        fields.Link(
            "lost_reason_id",
            _("Lost because"),
            target="core.lost_reason",
            reverse="deals",
            reverse_label=_("Lost deals"),
        ),
        fields.Text(
            "lost_reason", _("Lost: in own words"), import_names=("lost reason", "loss reason", "verlustgrund")
        ),
        fields.LongText("description", _("Description"), search="B", import_names=("notes", "beschreibung")),
        fields.DateTime("stage_entered_at", _("In this stage since"), readonly=True, sortable=True),
        *COMMON,
    ),
    list_columns=("name", "company_id", "stage_id", "amount", "expected_close_on", "owner_id", "next_activity_at"),
    default_sort="-created_at",
    children=(CONTACTS,),
    defaults=rules.defaults,
    validate=rules.validate,
    roles=ROLES,
    open_when={"field": "closed_on", "op": "empty"},
    match_by=("reference", "name"),
    order=40,
    has_activity=True,
    mergeable=True,
)
