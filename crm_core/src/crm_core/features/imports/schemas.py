"""What the import API answers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec


class PreviewOut(msgspec.Struct):
    """A file as it was understood: its columns, what they seem to be, the first rows, and all possible targets."""

    columns: list[str]
    encoding: str
    separator: str
    guess: dict[str, str]
    targets: list[str]
    rows: list[dict[str, Any]]


class ProblemOut(msgspec.Struct):
    """Something about one row; `failed` rows were not imported."""

    row: int
    column: str
    value: str
    text: str
    failed: bool


class UnknownOut(msgspec.Struct):
    """A value that could not be matched, how often it comes, and what it may have meant."""

    column: str
    value: str
    count: int
    suggestion: str | None


class ReportOut(msgspec.Struct):
    """What an import did; `cause` groups its events."""

    rows: int
    created: int
    updated: int
    unchanged: int
    failed: int
    warnings: int
    dry_run: bool
    cause: UUID | None
    problems: list[ProblemOut]
    unknown: list[UnknownOut]
