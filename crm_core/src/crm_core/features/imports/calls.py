"""The call of an import that runs in the background."""

from __future__ import annotations

from crm_core.plugin import JobCall


class RunImport(JobCall, frozen=True, kw_only=True):
    """Import a stored file. mapping: (column title, target) pairs; the rights are those of the asking user.

    scopes: of the token it was asked for with, which go on to bind.
    """

    file: str  # SHA-256 of the stored bytes
    entity: str
    mapping: list[tuple[str, str]]
    mode: str = "create"
    match: str = ""
    strict: bool = False
    day_first: bool | None = None
    dry_run: bool = False
    scopes: tuple[str, ...] = ()
