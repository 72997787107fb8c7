"""What pipelines and stages are."""

from __future__ import annotations

from decimal import Decimal

from crm_core.entity.stages import CATEGORIES, Pipeline, Stage
from crm_core.features.pipelines import rules
from crm_core.features.standard import COLOURS
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
    validate=rules.validate_pipeline,
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
        fields.MultiChoice(
            "required",
            _("Fields that must be filled in"),
            default=[],
            choices=rules.field_choices,
            help=_("To enter this stage"),
        ),
        fields.MultiChoice(
            "allowed_next",
            _("Stages that may follow"),
            default=[],
            choices=rules.stage_choices,
            help=_("None chosen: any"),
        ),
        fields.Integer("rotting_days", _("Days until a record counts as stuck"), minimum=1, maximum=3650),
    ),
    list_columns=("name", "pipeline_id", "category", "probability", "position"),
    default_sort="position",
    defaults=rules.stage_defaults,
    validate=rules.validate_stage,
    in_menu=False,
    public_read=True,
    match_by=("name",),
    order=201,
)
