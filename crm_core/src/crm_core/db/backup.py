"""A copy of the SQLite file before its tables are changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

BACKUPS = 5


def missing_file(url: str) -> bool:
    """Return whether the address is of a SQLite file that does not exist yet."""
    made = sa.make_url(url)
    return made.get_backend_name() == "sqlite" and not Path(made.database or "").exists()


def backup(url: str, folder: Path) -> Path | None:
    """Copy a SQLite file by the backup API into `folder`; None when there is nothing to copy. Keeps the newest five."""
    if not url.startswith("sqlite") or missing_file(url):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"crm-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.db"
    with closing(sqlite3.connect(sa.make_url(url).database or "")) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    for old in sorted(folder.glob("crm-*.db"))[:-BACKUPS]:
        old.unlink()
    return target
