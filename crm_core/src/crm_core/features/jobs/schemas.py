"""Calls of the kernel's own jobs."""

from __future__ import annotations

from crm_core.plugin import JobCall


class PurgeJobs(JobCall, frozen=True, kw_only=True):
    """Delete ended jobs older than `days`; dead ones are kept ten times as long, for somebody to look at."""

    days: int = 14
