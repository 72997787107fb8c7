"""What others use of notifications: `await notify(uow, users, "quotes.signed", about, _("Signed: {n}", n=number))`.

Kinds are declared by the hook `crm_notification_kinds`.
"""

from __future__ import annotations

from crm_core.features.notifications.actions import KindUnknown, mark, notify
from crm_core.features.notifications.kinds import KINDS
from crm_core.features.notifications.queries import me, settings_of

__all__ = ["KINDS", "KindUnknown", "mark", "me", "notify", "settings_of"]
