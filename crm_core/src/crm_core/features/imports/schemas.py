"""What the import API answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from crm_core.features.duplicates.public import Candidate


class PreviewOut(msgspec.Struct):
    """A file as it was understood: its columns, what they seem to be, the first rows, and all possible targets.

    left_out: columns that are named like a field which cannot be imported. Rows tell in `duplicates` which records
    they may be, with scores and reasons; they are imported nevertheless.
    """

    columns: list[str]
    encoding: str
    separator: str
    guess: dict[str, str]
    targets: list[str]
    rows: list[dict[str, Any]]
    left_out: list[str] = []


class MaybeThere(msgspec.Struct):
    """A row of the file, and the records that it may be."""

    row: int
    candidates: list[Candidate]


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


class ReportOut(msgspec.Struct, kw_only=True):
    """What an import did; `cause` groups its events. error: why it stopped before the end of the file, if it did.

    Of problems and unknown values the first thousand are told one by one; the counts go on.
    duplicates: after a dry run, what the first ten rows may be.
    """

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    warnings: int = 0
    dry_run: bool = False
    cause: UUID | None = None
    problems: list[ProblemOut] = []
    unknown: list[UnknownOut] = []
    duplicates: list[MaybeThere] = []
    error: str = ""


class ImportOut(msgspec.Struct, kw_only=True):
    """An import: pending or running, then done, dead (it failed) or cancelled. rows: how many were read so far.

    href: where this answer is asked again; errors: its problems as CSV. report: there at the end.
    """

    id: UUID
    state: str
    entity: str
    href: str
    errors: str
    rows: int
    created_at: datetime
    finished_at: datetime | None
    report: ReportOut | None
