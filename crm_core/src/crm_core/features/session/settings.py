"""What signing in demands of everybody."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from crm_core.plugin import SettingsGroup, Strings

_ = Strings("crm_core")
_("Everybody needs a second factor")
_("Who has none sets it up at the next sign-in. A role can demand it for those who hold it.")


class SignInRules(msgspec.Struct, frozen=True, kw_only=True):
    """Rules of signing in."""

    second_factor_for_all: Annotated[
        bool,
        Meta(
            title="Everybody needs a second factor",
            description="Who has none sets it up at the next sign-in. A role can demand it for those who hold it.",
        ),
    ] = False


GROUP = SettingsGroup(
    name="core.sign_in", struct=SignInRules, label=_("Signing in"), permission="core.security.manage", order=40
)
