"""What legal entities and number series are."""

from __future__ import annotations

from crm_core.entity.fields import Option
from crm_core.features.number_series import patterns, rules
from crm_core.features.number_series.models import LegalEntity, NumberSeries
from crm_core.plugin import Entity, Strings, fields

_ = Strings("crm_core")

RESETS = (
    Option(value="never", label=_("Never")),
    Option(value="calendar", label=_("Each calendar year")),
    Option(value="fiscal", label=_("Each fiscal year")),
)

LEGAL_ENTITY = Entity(
    name="core.legal_entity",
    model=LegalEntity,
    label=_("Legal entity"),
    plural=_("Legal entities"),
    path="legal-entities",
    icon="building-bank",
    title="name",
    fields=(
        fields.Text("name", _("Name"), length=120, required=True, sortable=True),
        fields.Text("street", _("Street and number"), length=200),
        fields.Text("postcode", _("Postcode"), length=20),
        fields.Text("city", _("City"), length=100),
        fields.Text("country", _("Country"), length=2, help=_("Code of two letters, such as DE")),
        fields.Text("tax_number", _("Tax number"), length=40),
        fields.Text("vat_id", _("VAT id"), length=20),
        fields.File("logo_id", _("Logo"), accept=("image/png", "image/jpeg"), limit=2**20),
        fields.Boolean("is_default", _("Used unless a document says otherwise"), default=False),
    ),
    list_columns=("name", "city", "country", "vat_id", "is_default"),
    default_sort="name",
    validate=rules.validate_entity,
    in_menu=False,
    public_read=True,
    match_by=("name",),
    order=231,
)

NUMBER_SERIES = Entity(
    name="core.number_series",
    model=NumberSeries,
    label=_("Number series"),
    plural=_("Number series"),
    path="number-series",
    icon="list-numbers",
    title="name",
    fields=(
        fields.Text("name", _("Name"), length=100, required=True, sortable=True),
        fields.Text("kind", _("Numbers what"), length=64, required=True, help=_("Such as quotes.quote")),
        fields.Link("legal_entity_id", _("Legal entity"), target="core.legal_entity", help=_("Empty: all others")),
        fields.Text(
            "pattern", _("Pattern"), length=patterns.LONGEST, required=True,
            help=_("With {parts}", parts="{number:05}, {year}, {yy}"),
        ),
        fields.Choice("reset", _("Starts anew"), options=RESETS, required=True, default="never"),
        fields.Integer("start", _("First number"), default=1, minimum=0, maximum=patterns.LARGEST, required=True),
        fields.Boolean("gapless", _("Without gaps"), default=True, help=_("Others wait for the number; slower")),
    ),
    list_columns=("name", "kind", "legal_entity_id", "pattern", "reset"),
    default_sort="name",
    validate=rules.validate_series,
    in_menu=False,
    public_read=True,
    order=232,
)  # fmt: skip
