"""Replacing words in rows: below the events, so that no copy of the old value is written anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from crm_core.db.types import Json
from crm_core.entity.folding import fold
from crm_core.features.privacy.walk import columns_of
from crm_core.uow import UnitOfWork

ERASED = "[erased]"
AT_ONCE = 500
# What a payload may keep: identifiers, days, instants, numbers, codes. Everything else may be somebody's word.
HARMLESS = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|[a-z_]+\.[a-z_]+(:[0-9a-f-]{36})?|\d{4}-\d\d-\d\d([T ][0-9:.+Z-]*)?"
    r"|-?\d{1,6}(\.\d+)?|[A-Z]{3}|"
)
KEPT_TABLES = {"core_suppression": "addresses that must not be written to again", "core_erasure": "the receipt itself"}


def blanked(value: Any) -> Any:
    """Return a payload without words: keys, ids, days, numbers and codes stay."""
    if isinstance(value, Mapping):
        return {key: blanked(one) for key, one in value.items()}
    if isinstance(value, list):
        return [blanked(one) for one in value]
    if isinstance(value, str) and not HARMLESS.fullmatch(value):
        return ERASED
    return value


class Sweep:
    """Replaces some words wherever they stand, in any spelling of case, folded twins included."""

    def __init__(self, words: Iterable[str]) -> None:
        given = {w for word in words for w in (word, fold(word), " ".join(re.findall(r"[^\W_]+", fold(word))))}
        self.words = sorted((w for w in given if len(w) >= 6), key=len, reverse=True)
        self.pattern = re.compile("|".join(map(re.escape, self.words)), re.IGNORECASE) if self.words else None

    def replaced(self, value: Any) -> Any:
        """Return a value with each of the words replaced."""
        if isinstance(value, str):
            return self.pattern.sub(ERASED, value) if self.pattern else value
        if isinstance(value, Mapping):
            return {self.replaced(key): self.replaced(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.replaced(one) for one in value]
        return value

    def among(self, column: sa.Column[Any], dialect: str) -> Any:
        """Return the condition that a column holds one of the words."""
        # SQLite keeps JSON as text; PostgreSQL writes it out. ILIKE on both folds case only, as `pattern` does.
        text = sa.cast(column, sa.Text) if isinstance(column.type, Json) or dialect == "postgresql" else column
        return sa.or_(*(sa.func.lower(text, type_=sa.Text).contains(w.lower(), autoescape=True) for w in self.words))


async def sweep_table(uow: UnitOfWork, table: sa.Table, sweep: Sweep) -> int:
    """Replace the words in one table; return the number of rows."""
    keys = list(table.primary_key.columns)
    columns = columns_of(table)
    if not columns or not keys or not sweep.words or table.name in KEPT_TABLES:
        return 0
    where = sa.or_(*(sweep.among(c, uow.db.dialect) for c in columns))
    rows = (await uow.session.execute(sa.select(*keys, *columns).where(where))).mappings().all()
    for row in rows:
        fresh = {c: _fitting(c, sweep.replaced(row[c])) for c in columns if row[c] is not None}
        changed = {c.name: v for c, v in fresh.items() if v != row[c]}
        if changed:
            await uow.session.execute(sa.update(table).where(*(k == row[k] for k in keys)).values(changed))
    return len(rows)


def _fitting(column: sa.Column[Any], value: Any) -> Any:
    length = getattr(column.type, "length", None)
    return value[:length] if isinstance(value, str) and length else value


async def replace(uow: UnitOfWork, table: sa.Table, where: Any, change: Any, only: Sequence[str] = ()) -> int:
    """Put `change(value)` into the word columns of the rows that fit; return their number."""
    keys = list(table.primary_key.columns)
    columns = [c for c in columns_of(table) if not only or c.name in only]
    rows = (await uow.session.execute(sa.select(*keys, *columns).where(where))).mappings().all()
    for row in rows:
        fresh = {c.name: v for c in columns if row[c] is not None and (v := _fitting(c, change(row[c]))) != row[c]}
        if fresh:
            await uow.session.execute(sa.update(table).where(*(k == row[k] for k in keys)).values(fresh))
    return len(rows)
