"""Settings of the sample plugin."""

from __future__ import annotations

import msgspec

from crm_core.plugin import SettingsGroup, Strings

_ = Strings(__package__)


class VisitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How visits are handled; days are calendar days."""

    overdue_after_days: int = 3
    confirm_text: str = "Thank you, we look forward to seeing you."


GROUP = SettingsGroup(
    name="sample.visits", struct=VisitSettings, label=_("Visits"), permission="sample.visits.manage", order=500
)
