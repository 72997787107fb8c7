"""The one statement behind every authenticated request: credential, user and epochs together."""

from __future__ import annotations

from dataclasses import replace
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
    """Finds sessions or tokens by hash. `where` may use {now} and {idle}; `columns` gives `scopes`."""

    def __init__(self, table: sa.Table, *, columns: str, where: str) -> None:
        self.table = table
        self._cache = f"actors of {table.name}"
        self._sql = {d: self._statement(d, columns, where) for d in _EPOCHS}

    def _statement(self, dialect: str, columns: str, where: str) -> str:
        mark = (lambda n: f"${n}") if dialect == "postgresql" else (lambda n: f"?{n}")
        return (
            f"select s.id, s.user_id, s.last_seen_at < {mark(3)}, {columns}, {_EPOCHS[dialect]} "  # noqa: S608 - constants
            f"from {self.table.name} s join core_user u on u.id = s.user_id "
            f"where s.token_hash = {mark(1)} and s.revoked_at is null and u.is_active and u.deleted_at is null "
            f"and {where.format(now=mark(2), idle=mark(4))}"
        )

    async def find(self, kernel: Kernel, digest: bytes, *, idle: timedelta) -> tuple[Actor, UUID, str] | None:
        """Return (actor, id of the credential, its scopes); None when it does not count (any more)."""
        now = utcnow()
        moment = _text if kernel.db.dialect == "sqlite" else _same
        args = (digest, moment(now), moment(now - STALE), moment(now - idle))
        rows = await kernel.db.fetch(self._sql[kernel.db.dialect], args)
        if not rows:
            return None
        raw, user, stale, scopes, epochs = rows[0]
        people = learn(kernel, epochs)
        cache: dict[Any, tuple[int, Actor]] = kernel.caches.setdefault(self._cache, {})
        key = raw if isinstance(raw, UUID) else UUID(bytes=raw)
        return None
