"""What a deal is, and the pipelines and stages it moves through."""

from __future__ import annotations

from decimal import Decimal

from crm_core.entity.stages import CATEGORIES, Pipeline, Stage
from crm_core.features.deals import rules
from crm_core.features.deals.models import Deal
from crm_core.features.standard import COLOURS, COMMON, ROLES
from crm_core.plugin import Entity, Strings, fields

_ = Strings("crm_core")

PIPELINE = Entity(
    name="core.pipeline",
    model=Pipeline,
    label=_("Pipeline"),
    plural=_("Pipelines"),
    path="pipelines",
    icon="timeline",
    title="name",
    fields=(
        fields.Text("name", _("Name"), length=100, required=True, sortable=True),
        fields.Text("entity", _("Kind of record"), length=64, required=True, default="core.deal"),
        fields.Integer("position", _("Position"), default=0, sortable=True),
        fields.Boolean("is_default", _("Used for new records"), default=False),
    ),
    list_columns=("name", "entity", "is_default"),
    default_sort="position",
    in_menu=False,
    public_read=True,
    match_by=("name",),
    order=200,
)

STAGE = Entity(
    name="core.stage",
    model=Stage,
    label=_("Stage"),
    plural=_("Stages"),
    path="stages",
    icon="progress",
    title="name",
    fields=(
        fields.Link(
            "pipeline_id",
            _("Pipeline"),
            target="core.pipeline",
            required=True,
            reverse="stages",
            reverse_label=_("Stages"),
        ),
        fields.Text("name", _("Name"), length=100, required=True, sortable=True),
        fields.Choice("category", _("Category"), options=CATEGORIES, required=True, default="open"),
        fields.Choice("colour", _("Colour"), options=COLOURS, default="blue"),
        fields.Percent("probability", _("Probability"), minimum=Decimal(0), maximum=Decimal(100)),
        fields.Integer("position", _("Position"), default=0, sortable=True),
        fields.MultiChoice("required", _("Fields that must be filled in"), default=[]),
        fields.MultiChoice("allowed_next", _("Stages that may follow"), default=[]),
        fields.Integer("rotting_days", _("Days until a record counts as stuck"), minimum=1),
    ),
    list_columns=("name", "pipeline_id", "category", "probability", "position"),
    default_sort="position",
    in_menu=False,
    public_read=True,
    match_by=("name",),
    order=201,
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
            import_names=("stage", "deal stage", "status", "phase"),
        ),
        fields.Money(
            "amount",
            _("Amount"),
            sortable=True,
            date_field="closed_on",
            import_names=("value", "close value", "betrag"),
        ),
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
        fields.Text("lost_reason", _("Lost because")),
        fields.LongText("description", _("Description"), search="B", import_names=("notes", "beschreibung")),
        fields.DateTime("stage_entered_at", _("In this stage since"), readonly=True, sortable=True),
        *COMMON,
    ),
    list_columns=("name", "company_id", "stage_id", "amount", "expected_close_on", "owner_id", "next_activity_at"),
    default_sort="-created_at",
    defaults=rules.defaults,
    validate=rules.validate,
    roles=ROLES,
    open_when={"field": "closed_on", "op": "empty"},
    match_by=("reference", "name"),
    order=40,
    has_activity=True,
)
