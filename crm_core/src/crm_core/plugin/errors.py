"""Errors a plugin derives its own from; each subclass reads as a fact: `VisitAlreadyDone(Conflict)`."""

from __future__ import annotations

from crm_core.errors import (
    Concern,
    Conflict,
    CrmError,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    RetryJob,
    StartupError,
    Unavailable,
    UserError,
)

__all__ = [
    "Concern", "Conflict", "CrmError", "Forbidden", "Invalid", "NotFound", "RateLimited", "RetryJob", "StartupError",
    "Unavailable", "UserError",
]  # fmt: skip
