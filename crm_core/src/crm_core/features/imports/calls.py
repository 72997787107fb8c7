"""The call of an import that runs in the background."""

from __future__ import annotations

from crm_core.plugin import JobCall


class RunImport(JobCall, frozen=True, kw_only=True):
    """Import a stored file. mapping: (column title, target) pairs; the rights are those of the asking user."""

    file: str  # SHA-256 of the stored bytes
    entity: str
    mapping: list[tuple[str, str]]
    mode: str = "create"
    match: str = ""
    strict: bool = False
    day_first: bool | None = None
