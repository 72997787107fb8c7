"""For how many days each kind of thing is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from crm_core.plugin import Retention, SettingsGroup, Strings, hookspecs
from crm_core.plugin.errors import Invalid

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
MOST = 36_500


class RetentionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Days by the name of a kind; a kind that is not named is kept as its plugin proposes. 0 keeps for ever."""

    days: Annotated[dict[str, int], Meta(title=str(_("Days by kind")))] = {}


async def validate(uow: UnitOfWork, _old: RetentionSettings, new: RetentionSettings) -> None:
    """Refuse kinds nobody declares and numbers no calendar has."""
    known = {r.name for r in uow.registry.gather(hookspecs.crm_retention)}
    if unknown := sorted(set(new.days) - known):
        text = _("Unknown kind: {names}. Known: {known}.", names=", ".join(unknown), known=", ".join(sorted(known)))
        raise Invalid(text, fields={"days": text})
    if any(not 0 <= days <= MOST for days in new.days.values()):
        text = _("Days are between 0 and {most}.", most=MOST)
        raise Invalid(text, fields={"days": text})


def days_of(kind: Retention, settings: RetentionSettings) -> int:
    """Return for how many days a kind is kept; 0 for ever."""
    return settings.days.get(kind.name, kind.days)


GROUP = SettingsGroup(
    name="core.retention",
    struct=RetentionSettings,
    label=_("How long things are kept"),
    order=70,
    page="/admin/retention",
    validate=validate,
)
