"""Rows beside the records: made of them, or naming them by entity and id, by an id in their text, or by an address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.auth.actor import system
from crm_core.db.model import metadata
from crm_core.entity.folding import fold
from crm_core.features.privacy.places import NAMED, USUAL, Named, columns_with
from crm_core.features.privacy.scrub import BATCH, Sweep, blanked, replace
from crm_core.features.privacy.walk import AT_ONCE, Rows

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

UUIDS = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SPECIAL = ("core_event_data", "core_idempotency")
ENDED = ("done", "dead", "cancelled")
PAGE = 500


class Beside:
    """Finds and empties what names the records; each table is looked through once."""

    def __init__(self, kernel: Kernel, rows: Rows, words: Sequence[str], counts: dict[str, int]) -> None:
        self.kernel = kernel
        self.rows = rows
        self.addresses = sorted({fold(w) for w in words if "@" in w})
        self.sweep = Sweep(words)
        self.counts = counts
        self.marks = {str(i) for ids in rows.values() for i in ids}
        self.found: dict[str, set[tuple[Any, ...]]] = {}
        self.blobs: list[str] = []  # that deleted rows named: a kill before they go leaves them to the sweep of files

    async def erase(self, tables: Iterable[sa.Table]) -> None:
        """Delete the rows made of the records, and blank those that name them."""
        chosen = [t for t in tables if t.name not in SPECIAL and (columns_with(t, "gone") or columns_with(t, "blank"))]
        causes = await self._causes()
        for table in chosen:
            await self._keys(table, causes if table.name == "core_job" else set())
        for table in chosen:
            if keys := sorted(self.found[table.name], key=str):
                done = (
                    await self._delete(table, keys) if columns_with(table, "gone") else await self._blank(table, keys)
                )
                self.counts[table.name] = self.counts.get(table.name, 0) + done
        await self._answers()

    async def _causes(self) -> set[str]:
        """Return the undertakings that wrote the records, imports among them: their reports tell of the person."""
        event, found = metadata.tables["core_event"], set[str]()
        async with self.kernel.read(system("privacy")) as uow:
            for name, part in self._each():
                of = sa.and_(event.c.entity == name, event.c.record_id.in_(part))
                found.update(str(c) for c in await uow.session.scalars(sa.select(event.c.cause).where(of).distinct()))
        return found

    def _each(self) -> Iterable[tuple[str, list[UUID]]]:
        for name, ids in self.rows.items():
            for start in range(0, len(ids), AT_ONCE):
                yield name, ids[start : start + AT_ONCE]

    async def _keys(self, table: sa.Table, more: set[str]) -> set[tuple[Any, ...]]:
        """Return the primary keys of the rows of a table that name one of the records."""
        if table.name in self.found:
            return self.found[table.name]
        named = NAMED.get(table.name) or (USUAL if {"entity", "record_id"} <= {*table.c.keys()} else Named())
        keys = list(table.primary_key.columns)
        found: set[tuple[Any, ...]] = set()
        async with self.kernel.read(system("privacy")) as uow:
            for where in self._conditions(table, named):
                found.update(tuple(row) for row in await uow.session.execute(sa.select(*keys).where(where)))
        if named.through:
            column, other = named.through
            held = [k[0] for k in await self._keys(metadata.tables[other], set())]
            async with self.kernel.read(system("privacy")) as uow:
                for start in range(0, len(held), AT_ONCE):
                    where = table.c[column].in_(held[start : start + AT_ONCE])
                    found.update(tuple(row) for row in await uow.session.execute(sa.select(*keys).where(where)))
        if named.scanned:
            found |= await self._scanned(table, named.scanned, self.marks | more)
        self.found[table.name] = found
        return found

    def _conditions(self, table: sa.Table, named: Named) -> Iterable[Any]:
        for name, part in self._each():
            for kind, key in named.pairs:
                yield sa.and_(table.c[kind] == name, table.c[key].in_(part))
            for key in named.ids:
                yield table.c[key].in_(part)
        if table.name == "core_mail":  # a mail to the person is about the person, whatever it says
            for start in range(0, len(self.addresses), AT_ONCE):
                yield table.c.recipient_f.in_(self.addresses[start : start + AT_ONCE])

    async def _scanned(self, table: sa.Table, names: Sequence[str], marks: set[str]) -> set[tuple[Any, ...]]:
        """Return the keys of rows with one of the ids in a text: a page at a time, for there may be any number."""
        key, last = table.c.id, None
        columns = [table.c[n] for n in names]
        where = table.c.state.in_(ENDED) if table.name == "core_job" else sa.true()  # others still have to run
        found: set[tuple[Any, ...]] = set()
        while True:
            page = sa.select(key, *columns).where(where, key > last if last else sa.true()).order_by(key).limit(PAGE)
            async with self.kernel.read(system("privacy")) as uow:
                rows = (await uow.session.execute(page)).all()
            for row in rows:
                text = msgspec.json.encode([v for v in row[1:] if v is not None]).decode()
                if not marks.isdisjoint(UUIDS.findall(text)):
                    found.add((row[0],))
            if len(rows) < PAGE:
                return found
            last = rows[-1][0]

    async def _delete(self, table: sa.Table, keys: Sequence[tuple[Any, ...]]) -> int:
        named = [c for c in table.c if c.info.get("blob")]
        for start in range(0, len(keys), BATCH):
            where = _in(table, keys[start : start + BATCH])
            async with self.kernel.write(system("privacy")) as uow:
                for column in named:
                    self.blobs += await uow.session.scalars(sa.select(column).where(where))
                await uow.session.execute(sa.delete(table).where(where))
        return len(keys)

    async def _blank(self, table: sa.Table, keys: Sequence[tuple[Any, ...]]) -> int:
        done, only = 0, columns_with(table, "blank")
        for start in range(0, len(keys), BATCH):
            where = _in(table, keys[start : start + BATCH])
            done += await replace(self.kernel, table, where, blanked, only)
            if closing := CLOSED.get(table.name):
                async with self.kernel.write(system("privacy")) as uow:
                    await uow.session.execute(sa.update(table).where(where).values(closing(table, uow)))
        return done

    async def _answers(self) -> None:
        """Forget the kept answers that tell of the person: repeating such a request says that it was done."""
        kept = metadata.tables["core_idempotency"]
        async with self.kernel.read(system("privacy")) as uow:
            rows = (await uow.session.execute(sa.select(kept.c.actor, kept.c.key, kept.c.answer))).all()
        for row in rows:
            text = bytes(row.answer or b"").decode("utf-8", "replace")
            own = sa.and_(kept.c.actor == row.actor, kept.c.key == row.key)
            tells = not self.marks.isdisjoint(UUIDS.findall(text)) or self.sweep.replaced(text) != text
            named = self.sweep.replaced(row.key) != row.key
            if tells or named:
                change: Any = sa.delete(kept) if named else sa.update(kept).values(answer=None)
                async with self.kernel.write(system("privacy")) as uow:
                    await uow.session.execute(change.where(own))


def _in(table: sa.Table, keys: Sequence[tuple[Any, ...]]) -> Any:
    columns = list(table.primary_key.columns)
    return columns[0].in_([k[0] for k in keys]) if len(columns) == 1 else sa.tuple_(*columns).in_(keys)


def _mail_closed(table: sa.Table, uow: UnitOfWork) -> dict[str, Any]:
    """A mail that has not left never does: there is nobody to send it to."""
    stays = sa.case((table.c.state == "queued", "suppressed"), else_=table.c.state)
    return {"secret_body": None, "state": stays}


def _merge_closed(table: sa.Table, uow: UnitOfWork) -> dict[str, Any]:
    """A merge whose values are gone cannot be taken apart any more."""
    return {"undone_at": sa.func.coalesce(table.c.undone_at, sa.bindparam("now", uow.now, table.c.undone_at.type))}


CLOSED: dict[str, Any] = {"core_mail": _mail_closed, "core_merge": _merge_closed}
