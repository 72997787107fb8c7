"""Calls of the test jobs."""

from __future__ import annotations

from crm_core.plugin import JobCall


class Leave(JobCall, frozen=True, kw_only=True):
    """Leave one effect in the transaction that ends the job."""

    number: int
    seconds: float = 0.0


class LeaveUnfinished(JobCall, frozen=True, kw_only=True):
    """Leave one effect and return without finishing."""

    number: int


class Fail(JobCall, frozen=True, kw_only=True):
    """Raise each time."""


class FailOnce(JobCall, frozen=True, kw_only=True):
    """Raise at the first attempt, leave an effect at the second."""

    number: int


class Later(JobCall, frozen=True, kw_only=True):
    """Ask to be run again until the effect of `number` is there."""

    number: int
    delay: float = 0.0


class Die(JobCall, frozen=True, kw_only=True):
    """Kill the process."""


class Hang(JobCall, frozen=True, kw_only=True):
    """Sleep longer than the time limit."""

    seconds: float


class Count(JobCall, frozen=True, kw_only=True):
    """Report progress until cancelled or done."""

    total: int


class Square(JobCall, frozen=True, kw_only=True):
    """Compute in a process of its own."""

    number: int


class Tick(JobCall, frozen=True, kw_only=True):
    """What schedules call."""

    name: str = ""
