"""What we know about the organisation that uses this CRM."""

from __future__ import annotations

import msgspec

from crm_core.plugin import SettingsGroup, Strings

_ = Strings("crm_core")


class Organisation(msgspec.Struct, frozen=True, kw_only=True):
    """Name and address as printed on documents; `locale` and `zone` are what new users get."""

    name: str = ""
    street: str = ""
    postcode: str = ""
    city: str = ""
    country: str = ""
    website: str = ""
    locale: str = "en"
    zone: str = "UTC"


GROUP = SettingsGroup(name="core.organisation", struct=Organisation, label=_("Organisation"), order=10)
