"""The one statement behind every authenticated request: credential, user and epochs together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.actor import Actor
from crm_core.auth.rights import EPOCH, UserUnknown, load_actor
from crm_core.auth.seen import STALE, seen
from crm_core.db.types import utcnow

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

_EPOCHS = {
    "sqlite": "(select group_concat(name || '=' || value) from core_epoch)",
    "postgresql": "(select string_agg(name || '=' || value, ',') from core_epoch)",
}
_KNOWN = ("people", "settings", "fields")
FULL = 10_000
"""Actors kept per kind of credential."""
Make = Callable[..., Actor]


def learn(kernel: Kernel, text: str | None) -> int:
    """Take the epochs a statement returned ("people=3,settings=1"); return that of people.

    Caches compare the value they were filled under with `kernel.epochs`.
    """
    last: tuple[str | None, int] | None = kernel.caches.get("epochs")
    if last is not None and last[0] == text:
        return last[1]
    found = dict.fromkeys(_KNOWN, 0)
    for pair in (text or "").split(",") if text else ():
        name, _equals, value = pair.rpartition("=")
        found[name] = int(value)
    kernel.epochs.clear()
    kernel.epochs.update(found)
    kernel.caches["epochs"] = (text, found[EPOCH])
    return found[EPOCH]


class Lookup:
    """Finds sessions or tokens by the SHA-256 of what the client sent.

    seen: column of the last use. columns: extra SQL given to `make(actor, id, *columns)`, which turns the
    user's actor into that of the credential. idle: a credential not used for so long is dead.
    """

    def __init__(self, table: sa.Table, *, seen: str, columns: str, make: Make, idle: timedelta | None = None) -> None:
        self.table, self.seen, self.make, self.idle = table, seen, make, idle
        self._cache = f"actors of {table.name}"
        unused = f" and s.{seen} > ?" if idle else ""
        sql = (
            f"select s.id, s.user_id, s.{seen} is null or s.{seen} < ?, {{epochs}}, {columns} "  # noqa: S608 - constants
            f"from {table.name} s join core_user u on u.id = s.user_id "
            "where s.token_hash = ? and s.revoked_at is null and u.is_active and u.deleted_at is null "
            f"and (s.expires_at is null or s.expires_at > ?){unused}"
        )
        self._sql = {d: sql.format(epochs=epochs) for d, epochs in _EPOCHS.items()}
        for number in range(1, 5):
            self._sql["postgresql"] = self._sql["postgresql"].replace("?", f"${number}", 1)

    async def find(self, kernel: Kernel, digest: bytes) -> Actor | None:
        """Return the actor; None when the credential or its user does not count (any more)."""
        sqlite = kernel.db.dialect == "sqlite"
        now = utcnow()
        moments = [now - STALE, now] + ([now - self.idle] if self.idle else [])
        stale, *rest = [_text(m) for m in moments] if sqlite else moments
        rows = await kernel.db.fetch(self._sql[kernel.db.dialect], (stale, digest, *rest))
        if not rows:
            return None
        key, user, unseen, epochs, *columns = rows[0]
        people = learn(kernel, epochs)
        if unseen:
            seen(kernel).note(self.table, self.seen, _uuid(key))
        cache: dict[Any, tuple[int, Actor]] = kernel.caches.setdefault(self._cache, {})
        found = cache.get(key)
        if found is None or found[0] != people:
            found = await self._actor(kernel, key, user, people, columns)
            if found is not None:
                if len(cache) > FULL:
                    cache.clear()
                cache[key] = found
        return found[1] if found else None

    async def _actor(
        self, kernel: Kernel, key: Any, user: Any, people: int, columns: list[Any]
    ) -> tuple[int, Actor] | None:
        try:
            actor = await load_actor(kernel, _uuid(user), epoch=people)
        except UserUnknown:
            return None  # switched off between the two statements
        return people, self.make(actor, _uuid(key), *columns)


def _uuid(value: Any) -> UUID:
    return UUID(bytes=value) if isinstance(value, bytes) else UUID(int=value.int)


def _text(moment: datetime) -> str:
    # As `UTCDateTime` writes it; strftime takes four times as long.
    return moment.isoformat(timespec="microseconds")[:26] + "Z"
