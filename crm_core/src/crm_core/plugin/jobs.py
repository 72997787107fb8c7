"""What a plugin's jobs and listeners are given."""

from __future__ import annotations

from crm_core.entity.changes import Happened
from crm_core.jobs.context import Cancelled, JobContext
from crm_core.plugin.declare import JobCall

__all__ = ["Cancelled", "Happened", "JobCall", "JobContext"]
