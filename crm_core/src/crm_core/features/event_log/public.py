"""What others use of the event log: one event as its reader may see it."""

from __future__ import annotations

from crm_core.features.event_log.queries import event_of
from crm_core.features.event_log.schemas import EventDetail

__all__ = ["EventDetail", "event_of"]
