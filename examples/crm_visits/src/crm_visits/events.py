"""What happens to visits beyond being written and changed."""

from __future__ import annotations

from uuid import UUID

from crm_core.plugin import Event, EventType, Strings

_ = Strings("crm_visits")


class VisitDone(Event, frozen=True):
    """A visit took place; minutes it took."""

    visit_id: UUID
    minutes: int


VISIT_DONE = EventType(struct=VisitDone, name="visits.visit.done", label=_("Visit done"), personal=(), icon="check")
