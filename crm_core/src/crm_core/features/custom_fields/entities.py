"""What the definition of a custom field is: a record like any other, so that list, form and API come by themselves."""

from __future__ import annotations

from crm_core.entity.custom_fields import CustomField, CustomOption
from crm_core.features.custom_fields import rules
from crm_core.features.standard import COLOURS
from crm_core.plugin import Child, Entity, Strings, fields

_ = Strings("crm_core")

KINDS = (
    ("text", _("Text")), ("long_text", _("Long text")), ("rich_text", _("Formatted text")),
    ("integer", _("Whole number")), ("decimal", _("Decimal number")), ("percent", _("Percentage")),
    ("money", _("Amount of money")), ("date", _("Day")), ("datetime", _("Date and time")),
    ("appointment", _("Time in a time zone")), ("boolean", _("Yes or no")), ("choice", _("Choice")),
    ("multi_choice", _("Several choices")), ("email", _("E-mail address")), ("phone", _("Phone number")),
    ("url", _("Web address")), ("link", _("Link to a record")), ("links", _("Links to records")),
    ("file", _("File")),
)  # fmt: skip

OPTIONS = Child(
    name="options",
    model=CustomOption,
    foreign_key="field_id",
    label=_("Options"),
    ordered=True,
    fields=(
        fields.Text("value", _("Key"), length=60, required=True),
        fields.Text("label", _("Label"), length=100, required=True),
        fields.Text("label_de", _("Label in German"), length=100),
        fields.Choice("colour", _("Colour"), options=COLOURS, default="grey"),
        fields.Boolean("is_archived", _("No longer offered")),
    ),
)

FIELD = Entity(
    name="core.field",
    model=CustomField,
    label=_("Custom field"),
    plural=_("Custom fields"),
    path="custom-fields",
    icon="forms",
    title="label",
    fields=(
        fields.Text("label", _("Label"), length=100, required=True, sortable=True),
        fields.Text("label_de", _("Label in German"), length=100),
        fields.Text(
            "entity", _("On records of"), length=64, required=True, filterable=False,
            help=_("Such as core.company. It cannot be changed later."),
        ),
        fields.Text(
            "name", _("Key"), length=40, required=True, filterable=False,
            help=_("Small letters, digits and _, for the API, filters and files. It cannot be changed later."),
        ),
        fields.Choice(
            "kind", _("Type"), required=True, default="text", help=_("It cannot be changed later."),
            options=tuple(fields.Option(value=value, label=label) for value, label in KINDS),
        ),
        fields.Text(
            "target", _("Links to"), length=64, filterable=False,
            help=_("For links: the kind of records, such as core.contact."),
        ),
        fields.LongText("help", _("Help"), length=500, filterable=False, help=_("Shown below the field in forms.")),
        fields.Boolean("is_required", _("Required"), group="behaviour"),
        fields.Boolean("is_unique", _("Each value only once"), group="behaviour"),
        fields.Boolean("is_searched", _("Found by the search"), group="behaviour"),
        fields.Boolean("is_listed", _("Column of the list"), group="behaviour"),
        fields.Boolean("is_personal", _("Holds data about a person"), group="behaviour"),
        fields.Boolean(
            "is_archived", _("Archived"), group="behaviour",
            help=_("It is not shown and not found any more; its values are kept and come back with it."),
        ),
        fields.Text("group_name", _("Heading"), length=60, group="form", filterable=False),
        fields.Integer("position", _("Order"), default=0, minimum=-9999, maximum=9999, group="form", sortable=True),
        fields.Text("default_value", _("Value of new records"), group="form", filterable=False),
        fields.Integer("length", _("Longest text"), minimum=1, maximum=50_000, group="limits", filterable=False),
        fields.Decimal("minimum", _("Least number"), group="limits", filterable=False),
        fields.Decimal("maximum", _("Largest number"), group="limits", filterable=False),
        fields.Integer("digits", _("Digits after the point"), minimum=0, maximum=4, group="limits", filterable=False),
    ),
    children=(OPTIONS,),
    list_columns=("label", "entity", "name", "kind", "is_required", "is_archived"),
    default_sort="position",
    validate=rules.validate,
    protected=True,
    in_menu=False,
    order=981,
)  # fmt: skip
