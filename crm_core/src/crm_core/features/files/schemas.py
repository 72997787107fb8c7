"""Calls of the jobs of files."""

from __future__ import annotations

from crm_core.plugin import JobCall


class SweepFiles(JobCall, frozen=True, kw_only=True):
    """Remove stored bytes that no row names, once they are older than `hours`."""

    hours: float = 24.0


class ScrubFiles(JobCall, frozen=True, kw_only=True):
    """Read every stored file and compare it with its hash; name those damaged or missing."""
