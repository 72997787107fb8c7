"""What happens to users beyond changes of their records."""

from __future__ import annotations

from crm_core.auth.events import ViewingEnded, ViewingStarted
from crm_core.plugin import EventType, Strings

_ = Strings("crm_core")

EVENT_TYPES = (
    EventType(
        struct=ViewingStarted, name="core.user.viewing_started", label=_("Opened as this user"), icon="eye", personal=()
    ),
    EventType(
        struct=ViewingEnded, name="core.user.viewing_ended", label=_("No longer open as this user"), icon="eye-off",
        personal=(),
    ),
)  # fmt: skip
