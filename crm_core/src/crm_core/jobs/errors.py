"""What jobs refuse."""

from __future__ import annotations

from crm_core.errors import Conflict


class LeaseLost(RuntimeError):
    """Another process has the job by now; what this one did is rolled back."""


class JobNotDead(Conflict):
    """Only a dead, parked or cancelled job can be put back or deleted."""


class JobEnded(Conflict):
    """Only a job that waits or runs can be cancelled."""


class JobKeyTaken(Conflict):
    """Another job with this key waits or runs by now."""


class JobKeepsItsKey(Conflict):
    """The job's key is kept for ever, so that what it stands for happens once; without its row it would come again."""
