"""Taking a merge apart: every row goes back to where it was, unless somebody has changed it since."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.entity import access, meanwhile, query, records
from crm_core.entity.changes import touch
from crm_core.errors import Conflict, Forbidden, NotFound
from crm_core.features.merge import putting
from crm_core.features.merge.actions import lock_all, settle_copies
from crm_core.features.merge.events import MergeUndone
from crm_core.features.merge.models import Merge, Move
from crm_core.features.merge.moves import revived
from crm_core.features.merge.telling import untell
from crm_core.features.merge.values import told
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import Entity, Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")

NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,30})?")


class MergeIsUndone(Conflict):
    """The merge was taken apart before."""


@dataclass(slots=True)
class InTheWay:
    """A value that is no longer what the merge made it: `was` is what the undo would put back, `now` what is there."""

    entity: str
    id: UUID
    field: str
    was: Any
    now: Any
    reason: Text


@dataclass(slots=True)
class Taken:
    """A merge as it would be undone."""

    merge: Merge
    entity: Entity
    moves: list[Any]
    in_the_way: list[InTheWay] = field(default_factory=list)
    blocked: set[UUID] = field(default_factory=set)  # moves that stay
    kept: set[str] = field(default_factory=set)  # values of the winner that stay


async def merges_of(uow: UnitOfWork, cause: UUID) -> list[Merge]:
    """Return what is in the ledger under a cause, newest first; also what has been undone."""
    return list(await uow.session.scalars(sa.select(Merge).where(Merge.cause == cause).order_by(Merge.id.desc())))


Put = dict[tuple[UUID, str], Any]  # (winner, name) -> the value that undoing a later merge puts back first


async def look(uow: UnitOfWork, merge: Merge, first: Put | None = None) -> Taken:
    """Return how a merge would be undone and what is in the way. first: what later merges put back before.

    NotFound for those who may not see the winner or an undone merge's records; MergeIsUndone.
    """
    entity = uow.registry.entity(merge.entity)
    if merge.undone_at is not None:
        raise MergeIsUndone(_("This merge is undone already."))
    moves = list(await uow.session.scalars(sa.select(Move).where(Move.merge_id == merge.id).order_by(Move.id)))
    taken = Taken(merge, entity, moves)
    winner = await uow.session.get(entity.model, merge.winner_id, populate_existing=not uow.readonly)
    if winner is None:
        raise NotFound(_("There is nothing to undo."))
    if winner.merged_into is not None and merge.kind == "merge":
        text = _("It has been merged into another record since; undo that first.")
        taken.in_the_way.append(InTheWay(entity.name, winner.id, "", None, str(winner.merged_into), text))
    await _winner(uow, taken, winner, {} if first is None else first)
    for place in await putting.changed_rows(uow, moves):
        taken.blocked.add(place.move)
        taken.in_the_way.append(InTheWay(place.table, place.id, place.column, place.was, place.now, place.reason))
    return taken


async def _winner(uow: UnitOfWork, taken: Taken, winner: Any, first: Put) -> None:
    now = await _present(uow, taken, winner)
    now |= {n: first[winner.id, n] for n in now if (winner.id, n) in first}
    for name, after in taken.merge.after.items():
        if _same(now.get(name), after):
            first[winner.id, name] = taken.merge.before.get(name)
        if not _same(now.get(name), after):
            text = _("Changed since the merge.")
            taken.kept.add(name)
            taken.in_the_way.append(
                InTheWay(taken.entity.name, winner.id, name.lstrip("."), taken.merge.before.get(name), now.get(name),
                         text)
            )  # fmt: skip


async def _present(uow: UnitOfWork, taken: Taken, winner: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if any(n.startswith(".") for n in taken.merge.after):
        row = (await query.values_of(uow, taken.entity, [winner]))[0]
        values = {n: told(row, n[1:]) for n in taken.merge.after if n.startswith(".")}
    for name in taken.merge.after:
        if not name.startswith("."):
            values[name] = getattr(winner, name, None)
    return {k: msgspec.to_builtins(v) for k, v in values.items() if k in taken.merge.after}


def _same(now: Any, after: Any) -> bool:
    if isinstance(now, list) and isinstance(after, list):
        return sorted(map(str, now)) == sorted(map(str, after))
    if isinstance(now, str) and isinstance(after, str) and NUMBER.fullmatch(now) and NUMBER.fullmatch(after):
        return Decimal(now) == Decimal(after)  # the database writes 1 as 1.000000
    return bool(now == after)


async def undo(uow: UnitOfWork, taken: Taken) -> int:
    """Put back what a merge did, as far as nothing is in its way; return how many records and rows were put back.

    Needs the right to edit the winner and to delete the losers. What was changed since stays as it is: the caller
    has asked. Conflict when the winner itself was merged since.
    """
    merge, entity = taken.merge, taken.entity
    losers = [UUID(x) for x in merge.losers]
    winner = await _winner_to_edit(uow, taken)
    await _demand(uow, entity, losers)
    records_back = []
    for loser in await lock_all(uow, entity, losers):
        if loser.merged_into != merge.winner_id:
            continue
        loser.merged_into = loser.deleted_at = loser.deleted_by = None
        touch(loser, uow.now)
        records_back.append(loser)
    await uow.settle()
    count = await putting.put_back(uow, [m for m in taken.moves if m.id not in taken.blocked], winner)
    await _values_back(uow, taken, winner)
    changed: Any = await uow.session.execute(
        sa.update(Merge).where(Merge.id == merge.id, Merge.undone_at.is_(None)).values(undone_at=uow.now)
    )
    if not changed.rowcount:
        raise MergeIsUndone(_("This merge is undone already."))
    if merge.kind != "merge":
        await settle_copies(uow, entity, [winner])
        return count
    both = [UUID(x) for x in merge.told_both or ()]
    await untell(uow, entity, merge.winner_id, losers, both, before=merge.id)
    event = MergeUndone(merge_id=merge.id, entity=entity.name, winner_id=merge.winner_id, loser_ids=losers)
    await uow.emit(event, about=[Ref(entity.name, key) for key in (merge.winner_id, *losers)])
    await settle_copies(uow, entity, [winner, *records_back])
    return count + len(records_back)


async def _winner_to_edit(uow: UnitOfWork, taken: Taken) -> Any:
    winner = await access.get(uow, taken.entity, taken.merge.winner_id, "edit")
    await meanwhile.lock(uow, winner)
    return winner


async def _demand(uow: UnitOfWork, entity: Entity, ids: Sequence[UUID]) -> None:
    """Raise Forbidden unless the actor may delete (so bring back) every loser."""
    if not ids:
        return
    table = access.table_of(entity)
    allowed = access.rows(uow.registry, uow.actor, entity, "delete", deleted=None)
    query_ = sa.select(sa.func.count()).where(table.c.id.in_(ids), allowed)
    there = await uow.session.scalar(sa.select(sa.func.count()).where(table.c.id.in_(ids)))
    if await uow.session.scalar(query_) != there:
        raise Forbidden(_("You may not do this with this {label}.", label=entity.label))


async def _values_back(uow: UnitOfWork, taken: Taken, winner: Any) -> None:
    before: Mapping[str, Any] = taken.merge.before
    names = [n for n in taken.merge.after if n not in taken.kept]
    columns = revived(access.table_of(taken.entity), {n: before.get(n) for n in names if not n.startswith(".")})
    for name, value in columns.items():
        if getattr(winner, name) != value:
            setattr(winner, name, value)
    touch(winner, uow.now)
    beside = {n[1:]: before.get(n) for n in names if n.startswith(".")}
    if beside:
        await records.update(uow, taken.entity, winner, beside, trusted=True)
    await uow.settle()
