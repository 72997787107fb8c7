"""What a backup says about itself, and the job that makes one every night."""

from __future__ import annotations

from datetime import datetime

import msgspec

from crm_core.plugin import JobCall

FORMAT = 1


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The first member of an archive.

    dialect: "sqlite" or "postgresql". sha256: of the database's copy, hex. key: id of the secret key that opens the
    sealed values in it; the key itself is not in the archive. revisions: of each package's tables.
    """

    format: int
    made_at: datetime
    version: str
    dialect: str
    sha256: str
    key: str
    files: int
    file_bytes: int
    revisions: dict[str, str]


class NightlyBackup(JobCall, frozen=True):
    """Make a backup and remove the oldest, as the settings say."""
