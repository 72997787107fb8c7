"""What a cause moved from record to record - merges, conversions - and taking it back by their ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.entity import query
from crm_core.entity.event_rows import EventRow
from crm_core.errors import Conflict
from crm_core.features.merge.public import InTheWay, Taken, look, merges_of, undo
from crm_core.features.undo.schemas import Both, Left
from crm_core.i18n import Strings, show
from crm_core.plugin.declare import Ref

if TYPE_CHECKING:
    from crm_core.features.undo.queries import Step
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class UndoneMergeStays(Conflict):
    """Taking back that a merge was taken apart: merging again is what does it."""


@dataclass(slots=True)
class Merges:
    """The merges of a cause that are not undone, and the records of which they take care."""

    taken: list[Taken] = field(default_factory=list)
    covered: set[tuple[str, UUID]] = field(default_factory=set)
    whole: bool = False  # the cause did nothing else that an undo would see to

    def without(self, steps: Sequence[Step]) -> list[Step]:
        """Return the steps that the ledger does not see to."""
        return [] if self.whole else [s for s in steps if (s.entity.name, s.id) not in self.covered]


async def of_cause(uow: UnitOfWork, cause: UUID) -> Merges:
    """Return the merges of a cause; UndoneMergeStays for a cause that took a merge apart."""
    undone = sa.select(EventRow.id).where(EventRow.cause == cause, EventRow.type == "core.merge.undone").limit(1)
    if await uow.session.scalar(undone) is not None:
        raise UndoneMergeStays(_("A merge was taken apart here; merge the records again instead."))
    found, first = Merges(), dict[tuple[UUID, str], Any]()
    for merge in await merges_of(uow, cause):
        if merge.undone_at is None:
            taken = await look(uow, merge, first)
            found.taken.append(taken)
            found.covered |= _covered(uow, taken)
            found.whole = found.whole or merge.kind == "merge"
    return found


def _covered(uow: UnitOfWork, taken: Taken) -> set[tuple[str, UUID]]:
    tables = {e.model.__table__.name: e.name for e in uow.registry.entities.values()}
    found = {(tables[m.table_name], UUID(m.key["id"])) for m in taken.moves if m.table_name in tables}
    if taken.merge.kind == "merge":
        found |= {(taken.entity.name, key) for key in (taken.merge.winner_id, *map(UUID, taken.merge.losers))}
    return found


async def left_of(uow: UnitOfWork, merges: Merges) -> list[Left]:
    """Return what is in the way of taking the merges back, with both values."""
    found: dict[tuple[str, UUID, str], Left] = {}
    ways = [w for taken in merges.taken for w in taken.in_the_way]
    titles = await query.labels(uow, {Ref(w.entity, w.id) for w in ways if w.entity in uow.registry.entities})
    for way in ways:
        reason = show(way.reason, uow.locale)
        left = found.setdefault(
            (way.entity, way.id, reason), Left(way.entity, way.id, titles.get(Ref(way.entity, way.id), ""), reason)
        )
        if way.field or way.was is not None or way.now is not None:
            left.values.append(Both(way.field, _label(uow, way), way.was, way.now))
    return list(found.values())


def _label(uow: UnitOfWork, way: InTheWay) -> str:
    entity = uow.registry.entities.get(way.entity)
    fields = uow.registry.fields(entity) if entity else ()
    one = next((x for x in fields if way.field == x.name or way.field in x.columns), None)
    return show(one.label, uow.locale) if one else way.field


async def take_back(uow: UnitOfWork, merges: Merges) -> int:
    """Take the merges back, newest first, as far as nothing is in the way; return how many records and rows."""
    return sum([await undo(uow, taken) for taken in merges.taken])
