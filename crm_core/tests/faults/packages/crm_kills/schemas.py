"""Calls of the jobs that are killed. `die` names the step at which the process ends, once; see `failpoints`."""

from __future__ import annotations

from crm_core.plugin import JobCall


class Leave(JobCall, frozen=True, kw_only=True):
    """Leave one effect in the transaction that ends the job."""

    number: int
    die: str = ""


class Retry(JobCall, frozen=True, kw_only=True):
    """Fail at the first two attempts, then leave an effect."""

    number: int
    die: str = ""


class Parts(JobCall, frozen=True, kw_only=True):
    """Leave an effect in each of several transactions and tell the progress; what is there is left alone."""

    number: int
    die: str = ""
    parts: int = 3


class Square(JobCall, frozen=True, kw_only=True):
    """Compute in a process of its own; the result in the job's row is the effect."""

    number: int
    die: str = ""
