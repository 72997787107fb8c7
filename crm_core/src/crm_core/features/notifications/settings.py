"""How one user hears of what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from crm_core.errors import Invalid
from crm_core.features.notifications.kinds import kinds_of
from crm_core.plugin import SettingsGroup, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
Channel = Literal["app", "mail", "digest", "off"]
PATH = "/account/notifications"


class NotificationSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """channels: kind to channel, the kind's default for others. digest_hour: of the day in the user's zone."""

    channels: dict[str, Channel] = {}
    digest_hour: Annotated[int, Meta(title=str(_("Hour of the daily mail")), ge=0, le=23)] = 8


async def validate(uow: UnitOfWork, _old: NotificationSettings, new: NotificationSettings) -> None:
    """Refuse kinds that nobody declares."""
    if unknown := sorted(set(new.channels) - set(kinds_of(uow.registry)) - set(_old.channels)):
        text = _("There is no kind of notification {name}.", name=", ".join(unknown))
        raise Invalid(text, fields={"channels": text})


GROUP = SettingsGroup(
    name="core.notifications", struct=NotificationSettings, label=_("Notifications"), scope="user", page=PATH,
    validate=validate, order=20,
)  # fmt: skip
