"""What a webhook is: a record like any other, so that list, form and API come by themselves."""

from __future__ import annotations

from crm_core.features.webhooks import rules
from crm_core.features.webhooks.models import Webhook
from crm_core.plugin import Entity, Strings, fields

_ = Strings("crm_core")

WEBHOOK = Entity(
    name="core.webhook",
    model=Webhook,
    label=_("Webhook"),
    plural=_("Webhooks"),
    path="webhooks",
    icon="webhook",
    title="name",
    fields=(
        fields.Text("name", _("Name"), length=100, required=True, sortable=True),
        fields.Url("url", _("Address"), required=True, help=_("Events are sent there with POST.")),
        fields.LongText(
            "events", _("Events"), required=True, length=5000, filterable=False,
            help=_("One a line: core.deal.stage_changed, core.contact.* for all of contacts, * for everything."),
        ),
        fields.LongText(
            "filter", _("Only records that match"), length=10_000, filterable=False,
            help=_("A filter as the API takes it, for events of one kind of records. Deleted records match none."),
        ),
        fields.Boolean("is_active", _("Switched on"), default=True),
        fields.Text("stopped", _("Switched off because"), readonly=True),
        fields.DateTime("failing_since", _("Failing since"), readonly=True),
        fields.Link("owner_id", _("Owner"), target="core.user", group="owner"),
        fields.DateTime("created_at", _("Created"), readonly=True, sortable=True),
    ),
    list_columns=("name", "url", "is_active", "failing_since", "owner_id"),
    default_sort="name",
    defaults=rules.defaults,
    validate=rules.validate,
    protected=True,
    order=987,
)  # fmt: skip
