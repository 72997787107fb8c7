"""What the sample plugin takes and answers, and its job calls."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import msgspec

from crm_core.plugin import JobCall


class FinishVisit(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How long a visit took, in minutes, and what came of it."""

    minutes: int
    notes: str = ""


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """Where the customer confirms a visit; the link is shown once."""

    url: str


class CompanySummary(msgspec.Struct, frozen=True, kw_only=True):
    """Visits at one company."""

    company_id: UUID
    done: int
    minutes: int
    last_visit_on: date | None


class MarkMissedVisits(JobCall, frozen=True):
    """Marks planned visits as missed whose day has passed by more than the settings allow."""


class WriteLetter(JobCall, frozen=True):
    """Draws the letter about a visit and hangs it on the visit."""

    visit_id: UUID
