"""What counts as committed and as best case in a forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from crm_core.plugin import SettingsGroup, Strings
from crm_core.plugin.errors import Invalid

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class ForecastSettings(msgspec.Struct, frozen=True, kw_only=True):
    """From which probability on, in percent, an open deal counts as committed and as best case."""

    commit_from: Annotated[
        int, Meta(title=str(_("Committed from")), description=str(_("Probability in percent")), ge=0, le=100)
    ] = 75
    best_case_from: Annotated[
        int, Meta(title=str(_("Best case from")), description=str(_("Probability in percent")), ge=0, le=100)
    ] = 40


async def validate(_uow: UnitOfWork, _old: ForecastSettings, new: ForecastSettings) -> None:
    """Refuse a best case that is surer than what is committed."""
    if new.best_case_from > new.commit_from:
        text = _("The best case starts at or below what is committed.")
        raise Invalid(text, fields={"best_case_from": text})


GROUP = SettingsGroup(name="core.forecast", struct=ForecastSettings, label=_("Forecast"), order=40, validate=validate)
