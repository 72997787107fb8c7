"""The nightly job, and how a retention is told."""

from __future__ import annotations

import msgspec

from crm_core.plugin import JobCall


class ApplyRetention(JobCall, frozen=True, kw_only=True):
    """Delete what is older than the settings say."""


class RetentionOut(msgspec.Struct):
    """One kind of thing: kept for `days` (0: for ever); `due` is how many the next run would delete."""

    name: str
    label: str
    days: int
    due: int
