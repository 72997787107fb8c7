"""Moving the rows that refer to one record to another, with a ledger, and putting them back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.db.types import Id, UTCDateTime, new_id
from crm_core.entity.bulk import bulk_update
from crm_core.features.merge.references import Reference, references
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

AT_ONCE = 500
UNLIKE = frozenset({"id", "position", "is_primary", "created_at"})  # two rows that differ in these alone are alike


@dataclass(slots=True)
class Ledger:
    """What a merge did to rows, to be written with it; counts per table."""

    merge_id: UUID
    rows: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def note(
        self, table: sa.Table, key: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any],
        *, taken: bool = False,
    ) -> None:  # fmt: skip
        """Remember one row."""
        plain = [msgspec.to_builtins(dict(x)) for x in (key, before, after)]
        self.rows.append({
            "id": new_id(), "merge_id": self.merge_id, "table_name": table.name, "key": plain[0], "before": plain[1],
            "after": plain[2], "taken": taken,
        })  # fmt: skip
        self.counts[table.name] = self.counts.get(table.name, 0) + 1


def revived(table: sa.Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of the ledger as the columns take them."""
    return {name: _revive(table.c[name].type, value) for name, value in values.items() if name in table.c}


def _revive(kind: Any, value: Any) -> Any:
    if value is None or not isinstance(value, str):
        return value
    if isinstance(kind, Id):
        return UUID(value)
    if isinstance(kind, UTCDateTime):
        return datetime.fromisoformat(value)
    if isinstance(kind, sa.Date):
        return date.fromisoformat(value)
    wanted = kind.python_type if not isinstance(kind, sa.types.TypeDecorator) else None
    return Decimal(value) if wanted is Decimal or type(kind).__name__ in ("Amount", "Ratio") else value


async def move_references(uow: UnitOfWork, entity: Entity, winner: Any, losers: Sequence[Any], ledger: Ledger) -> None:
    """Move every row that refers to one of the losers to the winner, in set statements."""
    ids = [r.id for r in losers]
    for reference in await used(uow, references(uow.registry, entity), entity.name, ids):
        await move(uow, reference, entity.name, ids, entity.name, winner, ledger)


async def used(uow: UnitOfWork, found: Sequence[Reference], entity: str, ids: Sequence[UUID]) -> list[Reference]:
    """Return the references that have rows of these records at all: one query for all tables."""
    parts = []
    for number, reference in enumerate(found):
        column = reference.table.c[reference.column]
        there = sa.exists().where(column.in_(ids))
        if reference.of is not None:
            there = there.where(reference.table.c[reference.of] == entity)
        parts.append(sa.select(sa.literal(number)).where(there))
    if not parts:
        return []
    return [found[n] for n in sorted((await uow.session.scalars(sa.union_all(*parts))).all())]


async def move(
    uow: UnitOfWork, reference: Reference, source: str, ids: Sequence[UUID], target: str, winner: Any, ledger: Ledger
) -> None:
    """Move the rows of one reference from records of `source` to a record of the entity `target`.

    A row whose like the winner has already is taken away where it is somebody else's part, and stays otherwise.
    """
    table, column = reference.table, reference.column
    rows = await _rows(uow, reference, source, ids)
    if reference.entity is not None and reference.entity.model is type(winner):
        rows = [r for r in rows if r["id"] != winner.id and r["id"] not in set(ids)]  # trees: seen to by the caller
    if not rows:
        return
    values: dict[str, Any] = {column: winner.id}
    if reference.of is not None and source != target:
        values[reference.of] = target
    if reference.copied:
        values |= {"parent_owner_id": winner.owner_id, "parent_team_id": winner.team_id}
    free, alike = await _sorted_out(uow, reference, rows, values, target)
    for row in free:
        ledger.note(table, {n: row[n] for n in reference.primary}, {n: row[n] for n in values}, values)
    for row in alike:
        if reference.child is not None:
            ledger.note(table, {n: row[n] for n in reference.primary}, row, {}, taken=True)
    await _write(uow, reference, free, values)
    if reference.child is not None:
        await take_away(uow, reference, alike)


async def _rows(uow: UnitOfWork, reference: Reference, entity: str, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    table = reference.table
    wanted = sa.select(table).where(table.c[reference.column].in_(ids)).order_by(*table.primary_key)
    if reference.of is not None:
        wanted = wanted.where(table.c[reference.of] == entity)
    return [dict(r) for r in (await uow.session.execute(wanted)).mappings()]


async def _sorted_out(
    uow: UnitOfWork, reference: Reference, rows: list[dict[str, Any]], values: Mapping[str, Any], target: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows that can move, and those whose like the winner has."""
    keys = list(reference.keys)
    if reference.child is not None:
        keys.append(frozenset(c.name for c in reference.table.c) - UNLIKE - _labels(reference))
    if not keys:
        return rows, []
    there = await _rows(uow, reference, target, [values[reference.column]])
    seen = {(n, _of(row, key)) for row in there for n, key in enumerate(keys)}
    free: list[dict[str, Any]] = []
    alike: list[dict[str, Any]] = []
    for row in rows:
        marks = {(n, _of({**row, **values}, key)) for n, key in enumerate(keys)}
        (alike if marks & seen else free).append(row)
        seen |= marks
    return free, alike


def _labels(reference: Reference) -> frozenset[str]:
    """Return a part's columns beside its links: two parts that link the same records are alike whatever they say."""
    return frozenset(c.name for c in reference.table.c if not isinstance(c.type, Id)) - {reference.of or ""}


def _of(row: Mapping[str, Any], key: frozenset[str]) -> tuple[Any, ...]:
    return tuple(row[n] for n in sorted(key))


async def _write(
    uow: UnitOfWork, reference: Reference, rows: Sequence[Mapping[str, Any]], values: dict[str, Any]
) -> None:
    """Set the same values on rows: events and versions for records, and for the records whose parts they are."""
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        if reference.entity is not None:
            ids = [r["id"] for r in part]
            await bulk_update(uow, reference.entity, reference.entity.model.id.in_(ids), values)
            continue
        chosen = _chosen(reference, part)
        await uow.session.execute(sa.update(reference.table).where(chosen).values(values))
        if reference.child is not None:
            await _tell(uow, reference, [(r, {**r, **values}) for r in part])


def _chosen(reference: Reference, rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return the condition on exactly these rows, by primary key."""
    table, names = reference.table, reference.primary
    if len(names) == 1:
        return table.c[names[0]].in_([r[names[0]] for r in rows])
    return sa.or_(*(sa.and_(*(table.c[n] == r[n] for n in names)) for r in rows))


async def take_away(uow: UnitOfWork, reference: Reference, rows: Sequence[Mapping[str, Any]]) -> None:
    """Delete rows whose like is there."""
    if rows:
        await uow.session.execute(sa.delete(reference.table).where(_chosen(reference, rows)))
        await _tell(uow, reference, [(r, None) for r in rows])


async def _tell(
    uow: UnitOfWork, reference: Reference, rows: Iterable[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]
) -> None:
    """Report changed parts as changes of the records they are parts of, and raise those records' versions."""
    if reference.child is None:
        return
    entity, child = reference.child
    names = [c for x in child.fields for c in x.columns]
    changes = uow.demand_write()
    owners: set[UUID] = set()
    for was, now in rows:
        row = now or was or {}
        owner = row[child.foreign_key]
        owners.add(owner)
        before, after = ({n: side[n] for n in names} if side is not None else None for side in (was, now))
        changes.note(entity, owner, "updated", {f"{child.name}.{row['id']}": before},
                     {f"{child.name}.{row['id']}": after})  # fmt: skip
    await raise_versions(uow, entity, owners)


async def raise_versions(uow: UnitOfWork, entity: Entity, ids: Iterable[UUID]) -> None:
    """Raise the versions of records whose parts were changed by a statement."""
    table: Any = entity.model.__table__
    wanted = sorted(ids)
    await uow.session.execute(
        sa.update(table).where(table.c.id.in_(wanted)).values(version=table.c.version + 1, updated_at=uow.now)
    )
    for key in wanted:
        loaded = uow.session.sync_session.identity_map.get(
            sa.inspect(entity.model).identity_key_from_primary_key((key,))
        )
        if loaded is not None and not uow.session.sync_session.is_modified(loaded):
            await uow.session.refresh(loaded)
