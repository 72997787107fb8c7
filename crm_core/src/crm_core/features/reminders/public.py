"""What others use of reminders: `await remind(uow, user_id, about, at, "calendar.event")`."""

from __future__ import annotations

from crm_core.features.reminders.actions import cancel, move, remind, set_reminders

__all__ = ["cancel", "move", "remind", "set_reminders"]
