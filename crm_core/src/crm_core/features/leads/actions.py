"""What can be done with a lead."""

from __future__ import annotations

from crm_core.features.leads import conversion
from crm_core.features.leads.schemas import ConvertLead
from crm_core.plugin import Action, Strings

_ = Strings("crm_core")

ACTIONS = (
    Action(
        entity="core.lead",
        name="convert",
        label=_("Convert"),
        icon="transform",
        params=ConvertLead,
        run=conversion.convert,
        plan=conversion.plan_lines,
        permission="core.lead.edit",
        bulk=True,
    ),
    Action(
        entity="core.lead",
        name="reopen",
        label=_("Open again"),
        icon="rotate",
        run=conversion.reopen,
        permission="core.lead.edit",
        when={"field": "converted_at", "op": "not_empty"},
    ),
)
