"""The base currency as a setting."""

from __future__ import annotations

from crm_core.entity.money import MoneySettings
from crm_core.plugin import SettingsGroup, Strings

_ = Strings("crm_core")

GROUP = SettingsGroup(name="core.money", struct=MoneySettings, label=_("Money"), order=20)
