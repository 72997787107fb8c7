"""What an exchange rate is."""

from __future__ import annotations

from decimal import Decimal

from crm_core.entity.money import Rate
from crm_core.features.money import rules
from crm_core.plugin import Entity, Strings, fields

_ = Strings("crm_core")

RATE = Entity(
    name="core.rate",
    model=Rate,
    label=_("Exchange rate"),
    plural=_("Exchange rates"),
    path="rates",
    icon="currency-euro",
    title="currency",
    fields=(
        fields.Text("currency", _("Currency"), length=3, required=True),
        fields.Date("valid_from", _("Valid from"), required=True, sortable=True),
        fields.Decimal(
            "rate",
            _("Rate"),
            digits=6,
            minimum=Decimal("0.000001"),
            maximum=Decimal(9_999_999_999),
            required=True,
            help=_("Units of the base currency for one unit"),
        ),
    ),
    list_columns=("currency", "valid_from", "rate"),
    default_sort="-valid_from",
    validate=rules.validate,
    in_menu=False,
    public_read=True,
    roles={},
    order=230,
)
