"""Job calls, and what the API answers."""

from __future__ import annotations

from uuid import UUID

from crm_core.plugin import JobCall


class FetchFeed(JobCall, frozen=True, kw_only=True):
    """Fetch the calendar file of one calendar."""

    calendar_id: UUID


class FetchFeeds(JobCall, frozen=True):
    """Fetch the calendar files of all calendars."""
