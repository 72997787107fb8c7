"""Errors the CRM answers with.

A `CrmError` is an answer to the caller: it carries an HTTP status and a text a user can read.
Anything else that escapes a handler is a bug and becomes a 500.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from crm_core.i18n import Text


class CrmError(Exception):
    """Base of all answers that are not a success.

    `code` is derived from module and class (`core.not_found`, `quotes.quote_already_sent`) and is
    part of the API. `fields` maps field names to texts for form errors.
    """

    status: ClassVar[int] = 400

    def __init__(self, text: Text | str, *, fields: Mapping[str, Text | str] | None = None, **extra: Any) -> None:
        super().__init__(str(text))
        self.text = text
        self.fields: dict[str, Text | str] = dict(fields or {})
        self.extra = extra

    @property
    def code(self) -> str:
        package = type(self).__module__.partition(".")[0].removeprefix("crm_")
        return f"{package}.{re.sub(r'(?<!^)(?=[A-Z])', '_', type(self).__name__).lower()}"


class NotFound(CrmError):
    """The record does not exist or the actor may not know that it does."""

    status = 404


class Unauthenticated(CrmError):
    """Nobody is signed in, or the token is not (or no longer) valid."""

    status = 401


class Forbidden(CrmError):
    """The actor is known and lacks the right."""

    status = 403


class Conflict(CrmError):
    """The record changed meanwhile, or a unique value is taken."""

    status = 409


class MayBeThere(Conflict):
    """What was to be made may be there already: `duplicates` in `extra`; raised for callers who want to hear of it."""


class Invalid(CrmError):
    """The input is understood and not acceptable; `fields` says where."""

    status = 422


class TooLarge(CrmError):
    """The body is larger than this route takes."""

    status = 413


class RateLimited(CrmError):
    """Too many requests; `retry_after` seconds in `extra`."""

    status = 429


class Unavailable(CrmError):
    """The database is away or busy; the same request may work in a moment."""

    status = 503


class StorageFull(Unavailable):
    """A disk of ours is full: nothing of the request was kept, and it works again once somebody made room."""

    status = 507


class StartupError(Exception):
    """The CRM cannot start; the message tells the installer what to do."""


class UserError(Exception):
    """A command cannot do what it was asked; printed without a traceback, exit code 2."""


class Concern(Exception):
    """Raised by a check for what works and should be looked at; `hint` says what to do."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


class RetryJob(Exception):
    """Raised by a job that wants to run again after `delay` seconds without counting as a failure."""

    def __init__(self, delay: float) -> None:
        super().__init__(f"again in {delay} s")
        self.delay = delay
