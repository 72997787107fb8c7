"""The parts of merged records: those the winner lacks become its own, after its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.entity.folding import fold
from crm_core.features.merge.moves import Ledger
from crm_core.plugin.declare import Child, Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def move_children(uow: UnitOfWork, entity: Entity, winner: Any, losers: Sequence[Any], ledger: Ledger) -> None:
    """Move the losers' parts to the winner; a part that the winner has already stays with its loser."""
    for child in entity.children:
        table: Any = child.model.__table__
        owner = table.c[child.foreign_key]
        ids = [winner.id, *(r.id for r in losers)]
        order = [table.c.position] if child.ordered else []
        query = sa.select(table).where(owner.in_(ids)).order_by(*order, table.c.id)
        rows = [dict(r) for r in (await uow.session.execute(query)).mappings()]
        own = [r for r in rows if r[child.foreign_key] == winner.id]
        seen = {_mark(child, r) for r in own}
        following = max((r["position"] for r in own), default=-1) + 1 if child.ordered else 0
        sets: list[dict[str, Any]] = []
        for row in [r for key in ids[1:] for r in rows if r[child.foreign_key] == key]:
            mark = _mark(child, row)
            if mark in seen or _is(child, row, winner.id):
                continue
            seen.add(mark)
            values: dict[str, Any] = {child.foreign_key: winner.id}
            if child.ordered:
                values["position"], following = following, following + 1
            if row.get("is_primary") and any(r.get("is_primary") for r in own):
                values["is_primary"] = False
            sets.append({"row_id": row["id"], **{n: values.get(n, row[n]) for n in _moved(child, row)}})
            own.append({**row, **values})
            # The whole row, so that an undo sees what was edited since.
            ledger.note(table, {"id": row["id"]}, row, {**row, **values})
            tell(uow, entity, child, winner, None, {**row, **values})
        if sets:
            changed: dict[str, Any] = {n: sa.bindparam(n) for n in sets[0] if n != "row_id"}
            wanted = sa.update(table).where(table.c.id == sa.bindparam("row_id")).values(changed)
            await (await uow.session.connection()).execute(wanted, sets)
        _forget(uow, child)


def _moved(child: Child, row: Mapping[str, Any]) -> list[str]:
    """Return the columns that a move can change."""
    return [n for n in (child.foreign_key, "position", "is_primary") if n in row]


def _mark(child: Child, row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what makes two parts the same: their required fields, folded; all fields where none is required."""
    named = [x for x in child.fields if x.required] or list(child.fields)
    values = [row.get(c) for x in named for c in x.columns]
    return tuple(fold(v) if isinstance(v, str) else v for v in values)


def _is(child: Child, row: Mapping[str, Any], winner_id: Any) -> bool:
    """Return whether a part would link the winner to itself."""
    return any(row.get(x.name) == winner_id for x in child.fields if x.kind == "link")


def tell(
    uow: UnitOfWork, entity: Entity, child: Child, owner: Any, was: Mapping[str, Any] | None,
    now: Mapping[str, Any] | None,
) -> None:  # fmt: skip
    """Report a part that came or went as a change of its record."""
    names = [c for x in child.fields for c in x.columns]
    row = now or was or {}
    before, after = ({n: side[n] for n in names} if side is not None else None for side in (was, now))
    name = f"{child.name}.{row['id']}"
    uow.demand_write().note(entity, owner.id, "updated", {name: before}, {name: after}, owner)


def _forget(uow: UnitOfWork, child: Child) -> None:
    """Drop parts that the session holds: they were changed behind its back."""
    session = uow.session.sync_session
    for found in [x for x in session.identity_map.values() if isinstance(x, child.model)]:
        session.expunge(found)
