"""What undo takes and gives."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from crm_core.plugin import JobCall


class UndoIn(msgspec.Struct, forbid_unknown_fields=True):
    """`cause` groups the events of one request, one bulk edit or one import. skip_changed: leave alone what has been
    changed since instead of refusing all of it."""

    cause: UUID
    skip_changed: bool = False


class Both(msgspec.Struct):
    """A value that somebody changed since: `was` is what the undo would put back, `now` what is there."""

    field: str
    label: str
    was: Any
    now: Any

    @property
    def was_text(self) -> str:
        """Return the value as a page shows it."""
        return _text(self.was)

    @property
    def now_text(self) -> str:
        """Return the value as a page shows it."""
        return _text(self.now)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(str(v) for v in value.values() if v not in (None, ""))
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


class Left(msgspec.Struct, omit_defaults=True):
    """A record that was not put back, and why; without title where the caller may not see it.

    values: both values of what was changed since.
    """

    entity: str
    id: UUID
    title: str
    reason: str
    values: list[Both] = []


class UndoOut(msgspec.Struct, omit_defaults=True):
    """How many records were put back and which were left. job: a large undo goes on in this job.

    cause: what the undo itself is grouped under; undoing that puts everything as it was before.
    """

    undone: int
    left: list[Left] = []
    cause: UUID | None = None
    job: UUID | None = None


class UndoCause(JobCall, frozen=True, kw_only=True):
    """Undo a large cause, a hundred events at a time, with the rights of the one who asked."""

    cause: UUID
