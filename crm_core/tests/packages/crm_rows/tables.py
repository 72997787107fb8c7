"""Tells whether a request changed any table: a cheap stamp first, hashes of all rows when the stamp moved."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass, field
from typing import Any

from crm_core.db.model import metadata
from crm_core.kernel import Kernel

QUIET = frozenset({
    "core_attempt",  # tries to sign in are written though the request is refused
    "core_session", "core_token",  # last_seen_at of whoever asks
})  # fmt: skip
"""Tables that a refused request, or a GET, may write."""
TOLD = "('core.session.denied', 'core.session.sign_in_failed', 'core.session.locked_out', 'core.session.code_refused')"
"""Events of these types tell of the refusal itself; any other event counts as a change."""
_OTHERS = f" where event_id not in (select id from core_event where type in {TOLD})"
WITHOUT_DENIED = {
    "core_event": f" where type not in {TOLD}", "core_event_data": _OTHERS, "core_event_ref": _OTHERS,
}  # fmt: skip


@dataclass
class Tables:
    """Watches all tables but `quiet` ones; `await tables.changed()` names those that differ since the last call."""

    kernel: Kernel
    quiet: frozenset[str] = QUIET
    compared: int = 0
    _stamp: Any = None
    _hashes: dict[str, str] = field(default_factory=dict)
    _file: sqlite3.Connection | None = None
    _query: str = ""

    async def changed(self) -> list[str]:
        """Return the tables with other rows than at the last call; the first call names none."""
        self.compared += 1
        stamp = await self.stamp()
        if stamp == self._stamp:
            return []
        before, self._hashes, self._stamp = self._hashes, await self.hashes(), stamp
        return [n for n, h in self._hashes.items() if before and before.get(n) != h]

    async def stamp(self) -> Any:
        """Return what differs after any commit: the file's data version, or the next transaction number."""
        if not self.kernel.db.sqlite:
            return (await self.kernel.db.fetch("select pg_snapshot_xmax(pg_current_snapshot())::text", []))[0][0]
        return self.file().execute("pragma data_version").fetchone()[0]

    def file(self) -> sqlite3.Connection:
        """Return a connection of our own to the SQLite file."""
        if self._file is None:
            self._file = sqlite3.connect(str(self.kernel.db.url.database))
        return self._file

    def close(self) -> None:
        """Close that connection."""
        if self._file is not None:
            self._file.close()

    async def hashes(self) -> dict[str, str]:
        """Return a hash of the rows of every watched table."""
        names = [n for n in sorted(metadata.tables) if n not in self.quiet]
        if self.kernel.db.sqlite:
            file = self.file()
            there = {r[0] for r in file.execute("select name from sqlite_master where type = 'table'")}
            return {
                n: _digest(file.execute(f'select * from "{n}"{WITHOUT_DENIED.get(n, "")}')) for n in names if n in there
            }
        if not self._query:  # one text for all calls: the server plans it once
            listed = await self.kernel.db.fetch("select tablename from pg_tables where schemaname = 'public'", [])
            there = {row[0] for row in listed}
            self._query = " union all ".join(
                f"select '{n}', md5(coalesce(string_agg(h, '' order by h), '')) "
                f'from (select md5(t::text) h from "{n}" t{WITHOUT_DENIED.get(n, "")}) x'
                for n in names if n in there
            )  # fmt: skip
        return {row[0]: row[1] for row in await self.kernel.db.fetch(self._query, [])}


def _digest(rows: Any) -> str:
    return hashlib.sha256("\n".join(sorted(map(repr, rows))).encode("utf-8", "surrogatepass")).hexdigest()
