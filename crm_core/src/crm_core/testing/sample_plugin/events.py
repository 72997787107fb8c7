"""What happens to visits beyond being written and changed."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from crm_core.plugin import Event, EventType, Strings

_ = Strings(__package__)


class VisitDone(Event, frozen=True):
    """A planned visit took place."""

    visit_id: UUID
    company_id: UUID | None
    visited_on: date
    minutes: int


class VisitConfirmed(Event, frozen=True):
    """The customer confirmed the day of a visit."""

    visit_id: UUID


VISIT_DONE = EventType(
    struct=VisitDone, name="sample.visit.done", label=_("Visit done"), personal=(), icon="map-pin-check",
    timeline="sample/_timeline_done.html",
)  # fmt: skip
VISIT_CONFIRMED = EventType(
    struct=VisitConfirmed, name="sample.visit.confirmed", label=_("Visit confirmed"), personal=(), icon="calendar-check"
)
