"""The job that settings and activities begin."""

from __future__ import annotations

from uuid import UUID

from crm_core.plugin import JobCall


class RenewReminders(JobCall, frozen=True, kw_only=True):
    """Work out anew when a user is reminded of the activities to come, after their wishes or zone changed."""

    user_id: UUID
