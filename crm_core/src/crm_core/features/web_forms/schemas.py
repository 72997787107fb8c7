"""Calls of the jobs."""

from __future__ import annotations

from crm_core.plugin import JobCall


class ExpireSubmissions(JobCall, frozen=True, kw_only=True):
    """Mark submissions whose time to confirm is over."""
