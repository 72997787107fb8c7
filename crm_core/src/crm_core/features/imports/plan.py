"""What an import is asked to do, what it reports, and one row on its way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from crm_core.features.imports.columns import Column
from crm_core.features.imports.schemas import MaybeThere
from crm_core.features.imports.sheets import Row
from crm_core.i18n import Text
from crm_core.plugin.declare import Entity

MODES = ("create", "update", "both")
MOST_PROBLEMS = 1000  # kept in the report; the count goes on


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about one row: `failed` rows were not imported, others were, without the value."""

    row: int
    column: str
    value: str
    text: Text | str
    failed: bool


@dataclass(slots=True)
class Report:
    """What an import did, or would do. `unknown` counts values per (column, value) that were not matched."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    warnings: int = 0
    problems: list[Problem] = field(default_factory=list)
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)
    suggestions: dict[tuple[str, str], str] = field(default_factory=dict)
    cause: UUID | None = None
    dry_run: bool = False
    duplicates: list[MaybeThere] = field(default_factory=list)

    def note(self, problem: Problem) -> None:
        """Add a problem; only the first thousand are kept word for word."""
        if problem.failed:
            self.failed += 1
        else:
            self.warnings += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)

    def miss(self, row: int, column: str, value: str, text: Text | str, near: Sequence[str] = ()) -> None:
        """Report a value that could not be matched."""
        key = (column, value[:200])
        if key in self.unknown or len(self.unknown) < MOST_PROBLEMS:
            self.unknown[key] += 1
            if near and key not in self.suggestions:
                self.suggestions[key] = near[0]
        self.note(Problem(row, column, value[:200], text, failed=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to import. mapping: column title -> target, or pairs when a column has several.

    constants: target -> text for every row, in which `{title}` stands for the row's cell.

    match: field that finds existing records. strict: what cannot be matched fails its row. known:
    target -> values; others are imported and reported. problems: called with every problem.
    """

    entity: Entity
    mapping: Mapping[str, str] | Sequence[tuple[str, str]]
    mode: str = "create"
    match: str = ""
    constants: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, frozenset[str]] = field(default_factory=dict)
    strict: bool = False
    dry_run: bool = False
    day_first: bool | None = None
    problems: Callable[[Problem], None] | None = None


@dataclass(slots=True)
class Draft:
    """One row on its way: API values, names that links wait for, the text it is matched by."""

    row: Row
    values: dict[str, Any] = field(default_factory=dict)
    names: dict[str, tuple[Column, str]] = field(default_factory=dict)
    match: str = ""
    failed: bool = False
    told: set[str] = field(default_factory=set)  # columns reported; a chunk may be tried twice
