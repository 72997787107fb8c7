"""What a user follows without choosing each record."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from crm_core.plugin import SettingsGroup, Strings

_ = Strings("crm_core")


class FollowSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """owned: records that are mine; created: those I make for others; commented: those I write a comment on."""

    owned: Annotated[bool, Meta(title=str(_("Records that are mine")))] = True
    created: Annotated[bool, Meta(title=str(_("Records I make for others")))] = True
    commented: Annotated[bool, Meta(title=str(_("Records I comment on")))] = True


GROUP = SettingsGroup(
    name="core.following", struct=FollowSettings, label=_("What you follow by itself"), scope="user", order=25
)
