"""Who may change the settings of the organisation."""

from __future__ import annotations

from crm_core.plugin import Permission, Strings

_ = Strings("crm_core")

PERMISSIONS = (Permission(name="core.settings.manage", label=_("Change the settings of the organisation")),)
