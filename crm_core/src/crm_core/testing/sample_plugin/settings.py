"""Settings of the sample plugin."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from crm_core.plugin import SettingsGroup, Strings

_ = Strings(__package__)


class VisitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How visits are handled; days are calendar days."""

    overdue_after_days: Annotated[
        int, Meta(title=str(_("Overdue after")), description=str(_("Days")), ge=0, le=365)
    ] = 3
    confirm_text: Annotated[
        str, Meta(title=str(_("Words of thanks")), description=str(_("Shown when a visit is confirmed")))
    ] = "Thank you, we look forward to seeing you."


GROUP = SettingsGroup(
    name="sample.visits", struct=VisitSettings, label=_("Visits"), permission="sample.visits.manage", order=500
)
