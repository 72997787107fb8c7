"""Job calls and API structs of users."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from crm_core.plugin import JobCall


class EndViewing(JobCall, frozen=True, kw_only=True):
    """Ends the look through another user's eyes that a session was to have until then."""

    session_id: UUID
    until: datetime
