"""Names in files to records: links by id, by title, by e-mail address; existing records by a match field."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.entity import access
from crm_core.entity import fields as f
from crm_core.entity.changes import folds
from crm_core.entity.folding import fold
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

REMEMBERED = 50_000  # names kept over the chunks of one import
Found = UUID | None | bool  # None: nothing; False: several


class Names:
    """Looks names up, many at once, among the records the actor may read."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, UUID | None], Found] = {}
        self.pipeline: UUID | None = None  # the default one, for stages of rows that name none

    async def learn(self, uow: UnitOfWork, entity: Entity, names: Iterable[str], group: UUID | None = None) -> None:
        """Look up names that are not known yet. `group` bounds stages to a pipeline."""
        wanted = {fold(n) for n in names}
        missing = sorted(n for n in wanted if n and (entity.name, n, group) not in self._known)
        if len(self._known) > REMEMBERED:
            self._known.clear()
            missing = sorted(n for n in wanted if n)
        for start in range(0, len(missing), 500):
            part = missing[start : start + 500]
            self._known.update({(entity.name, n, group): None for n in part})
            for key, record_id in await _search(uow, entity, part, group):
                slot = (entity.name, key, group)
                self._known[slot] = record_id if self._known.get(slot) in (None, record_id) else False

    def find(self, entity: Entity, name: str, group: UUID | None = None) -> Found:
        """Return the record of a name that was learnt."""
        return self._known.get((entity.name, fold(name), group))

    def add(self, entity: Entity, name: str, record_id: UUID) -> None:
        """Make a name known: a record this import has just made."""
        slot = (entity.name, fold(name), None)
        self._known[slot] = record_id if self._known.get(slot) in (None, record_id) else False


async def _search(uow: UnitOfWork, entity: Entity, names: list[str], group: UUID | None) -> list[tuple[str, UUID]]:
    table = entity.model.__table__
    seen = access.rows(uow.registry, uow.actor, entity, "read")
    if group is not None and "pipeline_id" in table.c:
        seen = sa.and_(seen, table.c.pipeline_id == group)
    found: list[tuple[str, UUID]] = []
    for column in _columns(entity, table):
        query = sa.select(column, table.c.id).where(column.in_(names), seen)
        found += [(key, record_id) for key, record_id in await uow.session.execute(query)]
    ids = [i for n in names if (i := _uuid(n)) is not None]
    if ids:
        query = sa.select(table.c.id).where(table.c.id.in_(ids), seen)
        found += [(str(i), i) for i in await uow.session.scalars(query)]
    return list(dict.fromkeys(found))


def _columns(entity: Entity, table: Any) -> list[Any]:
    """Return the folded columns a record is named by: its title, its e-mail address, its domain."""
    twins = {source: twin for twin, source, _length in folds(entity.model)}
    named = [entity.title, *(x.name for x in entity.fields if isinstance(x, f.Email))]
    return [table.c[twins[n]] for n in dict.fromkeys(named) if n in twins]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def matching(uow: UnitOfWork, entity: Entity, by: str, values: Iterable[str]) -> dict[str, Found]:
    """Return folded value -> record whose field `by` has it: False where several do.

    `by` is "id", a text field with a folded twin, or a list of children (matched by their first field).
    """
    wanted = sorted({fold(v) for v in values if fold(v)})
    table = entity.model.__table__
    seen = access.rows(uow.registry, uow.actor, entity, "read")
    found: dict[str, Found] = {}
    for start in range(0, len(wanted), 500):
        query = _match_query(entity, table, by, wanted[start : start + 500]).where(seen)
        for key, record_id in await uow.session.execute(query):
            name = str(key)
            found[name] = record_id if found.get(name) in (None, record_id) else False
    return found


def _match_query(entity: Entity, table: Any, by: str, wanted: list[str]) -> Any:
    child = next((c for c in entity.children if c.name == by), None)
    if by == "id":
        return sa.select(table.c.id, table.c.id).where(table.c.id.in_([i for w in wanted if (i := _uuid(w))]))
    if child is not None:
        own = child.model.__table__
        twin = own.c[next(t for t, source, _n in folds(child.model) if source == child.fields[0].name)]
        return sa.select(twin, table.c.id).join(own, own.c[child.foreign_key] == table.c.id).where(twin.in_(wanted))
    twin = next((t for t, source, _n in folds(entity.model) if source == by), None)
    if twin is None:
        raise LookupError(by)
    return sa.select(table.c[twin], table.c.id).where(table.c[twin].in_(wanted))
