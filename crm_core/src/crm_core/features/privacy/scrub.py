"""Replacing words in rows: below the events, so that no copy of the old value is written anywhere.

Rows are looked for without a transaction and written some at a time, so that nobody waits for the writer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.auth.actor import system
from crm_core.entity.folding import fold
from crm_core.features.privacy.walk import columns_of

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

ERASED = "[erased]"
BATCH = 200
"""Rows of one transaction."""
WORDS_AT_ONCE = 200
SHORTEST = 6
# What a payload may keep: identifiers, days, instants, numbers. Everything else may be somebody's word.
HARMLESS = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|[a-z_]+\.[a-z_]+:[0-9a-f-]{36}|\d{4}-\d\d-\d\d([T ][0-9:.+Z-]*)?|-?\d{1,6}(\.\d+)?|"
)
# A file may be called "ada.king" and a person "ADA": names of entities and currencies stay under their own keys only.
CODES = {
    "entity": re.compile(r"[a-z_]+\.[a-z_]+"),
    "currency": re.compile(r"[A-Z]{3}"),
    "code": re.compile(r"[A-Z]{3}"),
}


def blanked(value: Any, key: str = "") -> Any:
    """Return a payload without words: keys, ids, days, numbers and codes stay."""
    if isinstance(value, Mapping):
        return {name: blanked(one, str(name)) for name, one in value.items()}
    if isinstance(value, list):
        return [blanked(one, key) for one in value]
    code = CODES.get(key.rpartition("_")[2])
    if isinstance(value, str) and not HARMLESS.fullmatch(value) and not (code and code.fullmatch(value)):
        return ERASED
    return value


def spellings(word: str) -> set[str]:
    """Return the ways in which a word is stored: as typed, folded, as words of the index, in an address, as digits."""
    found = {word, fold(word), " ".join(re.findall(r"[^\W_]+", fold(word))), word.replace("@", "%40")}
    digits = re.sub(r"\D", "", word)
    if "@" not in word and len(digits) >= 7 and len(digits) >= len(word) // 2:
        found |= {digits, f"+{digits}"}
    return {w for w in found if len(w) >= SHORTEST}


class Sweep:
    """Replaces some words wherever they stand, in any spelling of case, folded twins included."""

    def __init__(self, words: Iterable[str]) -> None:
        given = {w for word in words for w in spellings(word)}
        self.words = sorted(given, key=len, reverse=True)
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

    def among(self, columns: Sequence[sa.Column[Any]]) -> list[Any]:
        """Return conditions, one for some of the words each, that hold for every row with one of them, and few others.

        The columns are looked through as one text: SQLite takes no expression of a thousand parts.
        """
        text: Any = sa.literal("")
        for column in columns:
            text = text.op("||")(sa.func.coalesce(sa.cast(column, sa.Text), "")).op("||")(" ")
        lower = sa.func.lower(text, type_=sa.Text)
        # A database folds no case beyond ASCII and escapes some characters in JSON: `replaced` decides about these.
        likes = sorted({"%" + re.sub(r"[^a-z0-9@. +-]+", "%", w.lower()) + "%" for w in self.words})
        return [
            sa.or_(*(lower.like(like) for like in likes[start : start + WORDS_AT_ONCE]))
            for start in range(0, len(likes), WORDS_AT_ONCE)
        ]


async def sweep_table(kernel: Kernel, table: sa.Table, sweep: Sweep, *, count_only: bool = False) -> int:
    """Replace the words in one table; return the number of rows that had one."""
    columns = columns_of(table)
    if not columns or not table.primary_key.columns:
        return 0
    return sum(
        [await replace(kernel, table, w, sweep.replaced, count_only=count_only) for w in sweep.among(columns)]
    )  # fmt: skip


async def replace(
    kernel: Kernel, table: sa.Table, where: Any, change: Callable[[Any], Any], only: Sequence[str] = (), *,
    count_only: bool = False,
) -> int:  # fmt: skip
    """Put `change(value)` into the word columns of the rows that fit; return how many changed.

    The rows are known by key first; each batch is read again in the transaction that writes it.
    """
    keys = list(table.primary_key.columns)
    columns = [c for c in columns_of(table) if not only or c.name in only]
    async with kernel.read(system("privacy")) as uow:
        found = [tuple(row) for row in await uow.session.execute(sa.select(*keys).where(where))]
    done = 0
    for start in range(0, len(found), BATCH):
        some = found[start : start + BATCH]
        these = keys[0].in_([k[0] for k in some]) if len(keys) == 1 else sa.tuple_(*keys).in_(some)
        async with kernel.write(system("privacy")) as uow:
            for row in (await uow.session.execute(sa.select(*keys, *columns).where(these))).mappings().all():
                old = {c: row[c] for c in columns if row[c] is not None}
                fresh = {c.name: v for c, was in old.items() if (v := _fitting(c, change(was))) != was}
                done += bool(fresh)
                if fresh and not count_only:
                    await uow.session.execute(sa.update(table).where(*(k == row[k] for k in keys)).values(fresh))
    return done


def _fitting(column: sa.Column[Any], value: Any) -> Any:
    length = getattr(column.type, "length", None)
    return value[:length] if isinstance(value, str) and length else value
