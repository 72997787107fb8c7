"""The ledger's rows: which of them were changed since, and writing the others back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.db.model import metadata
from crm_core.entity.bulk import bulk_update
from crm_core.entity.changes import told_columns
from crm_core.entity.custom_fields import PREFIX
from crm_core.features.merge.moves import AT_ONCE, raise_versions, revived
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import Child, Entity

if TYPE_CHECKING:
    from crm_core.plugin.registry import Registry
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
COPIES = frozenset({"parent_owner_id", "parent_team_id"})  # follow the record; nobody changes them by hand


@dataclass(frozen=True, slots=True)
class Changed:
    """A moved row that is not as the move left it."""

    move: UUID
    table: str
    id: UUID
    column: str
    was: Any
    now: Any
    reason: Text


def owner_of(registry: Registry, table: str) -> tuple[Entity | None, tuple[Entity, Child] | None]:
    """Return whose rows a table has: an entity's records, or the parts of an entity's records."""
    for entity in registry.entities.values():
        if entity.model.__table__.name == table:
            return entity, None
        for child in entity.children:
            if child.model.__table__.name == table:
                return None, (entity, child)
    return None, None


def _groups(moves: Sequence[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for move in moves:
        if move.table_name in metadata.tables:  # a plugin's that is gone: its rows are left alone
            found.setdefault(move.table_name, []).append(move)
    return found


async def changed_rows(uow: UnitOfWork, moves: Sequence[Any]) -> list[Changed]:
    """Return the moved rows that were changed or removed since, and those taken away whose place is taken."""
    found: list[Changed] = []
    for name, group in _groups(moves).items():
        table = metadata.tables[name]
        entity, part = owner_of(uow.registry, name)
        rows = await _present(uow, table, group)
        for move in group:
            now = rows.get(_mark(move.key))
            shown = entity.name if entity else part[0].name if part else name
            key = _shown_id(move, part)
            if move.taken:
                continue
            if now is None:
                text = _("It has been removed since.")
                found.append(Changed(move.id, shown, key, "", move.before, None, text))
                continue
            for column, after in move.after.items():
                if column not in COPIES and now.get(column) != after:
                    text = _("Changed since the merge.")
                    told = f"{part[1].name}.{column}" if part else column
                    found.append(Changed(move.id, shown, key, told, move.before.get(column), now.get(column), text))
                    break
    return found


def _shown_id(move: Any, part: tuple[Entity, Child] | None) -> UUID:
    """Return the record to name: the row itself, the record whose part it is, or whatever the row is known by."""
    values = [(move.after or move.before).get(part[1].foreign_key)] if part else []
    for value in (*values, move.key.get("id"), *move.after.values(), *move.key.values()):
        try:
            return UUID(str(value))
        except ValueError:
            continue
    return UUID(str(move.id))


async def _present(uow: UnitOfWork, table: sa.Table, moves: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """Return the rows as they are now, by key; values as the ledger spells them. A key that a move changed is new."""
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(moves), AT_ONCE):
        keys = {_mark(m.key): {n: m.after.get(n, v) for n, v in m.key.items()} for m in moves[start : start + AT_ONCE]}
        by_new = {_mark(new): old for old, new in keys.items()}
        rows = await uow.session.execute(sa.select(table).where(_chosen(table, list(keys.values()))))
        for row in rows.mappings():
            plain = msgspec.to_builtins(dict(row))
            plain |= {f"{PREFIX}{k}": v for k, v in (plain.get("custom") or {}).items()}
            mark = _mark({n: plain[n] for n in next(iter(keys.values()))})
            if mark in by_new:
                found[by_new[mark]] = plain
    return found


def _chosen(table: sa.Table, keys: Sequence[Mapping[str, Any]]) -> Any:
    typed = [revived(table, k) for k in keys]
    names = list(typed[0])
    if len(names) == 1:
        return table.c[names[0]].in_([k[names[0]] for k in typed])
    return sa.or_(*(sa.and_(*(table.c[n] == k[n] for n in names)) for k in typed))


def _mark(key: Mapping[str, Any]) -> str:
    return "|".join(f"{n}={key[n]}" for n in sorted(key))


async def put_back(uow: UnitOfWork, moves: Sequence[Any], winner: Any) -> int:
    """Write the rows back as they were before the move; return how many."""
    uow.session.sync_session.info["hold"].mark()
    for name, group in _groups(moves).items():
        table = metadata.tables[name]
        entity, part = owner_of(uow.registry, name)
        moved = [m for m in group if not m.taken]
        await _return(uow, table, moved, entity)
        if again := [m for m in group if m.taken]:
            await uow.session.execute(sa.insert(table), [revived(table, m.before) for m in again])
        if part is not None:
            await _tell(uow, part, group, winner)
    return len(moves)


async def _return(uow: UnitOfWork, table: sa.Table, moves: Sequence[Any], entity: Entity | None) -> None:
    """Set the values before, in one statement for all rows that get the same."""
    alike: dict[bytes, list[Any]] = {}
    for move in moves:
        alike.setdefault(msgspec.json.encode(_changed(move), order="deterministic"), []).append(move)
    for group in alike.values():
        changed = _changed(group[0])
        values = revived(table, changed)
        for start in range(0, len(group), AT_ONCE):
            part = group[start : start + AT_ONCE]
            where = _chosen(table, [{n: m.after.get(n, v) for n, v in m.key.items()} for m in part])
            if entity is not None:
                told = {n: v for n, v in values.items() if n in told_columns(entity.model)}
                told |= {n: v for n, v in changed.items() if n.startswith(PREFIX)}
                await bulk_update(uow, entity, where, told)
            else:
                await uow.session.execute(sa.update(table).where(where).values(values))


def _changed(move: Any) -> dict[str, Any]:
    return {n: v for n, v in move.before.items() if move.after.get(n, v) != v}


async def _tell(uow: UnitOfWork, part: tuple[Entity, Child], moves: Sequence[Any], winner: Any) -> None:
    """Report parts that went back as changes of the records they left and came to."""
    entity, child = part
    table: Any = child.model.__table__
    names = [c for x in child.fields for c in x.columns]
    changes, owners = uow.demand_write(), set()
    for move in moves:
        key = child.foreign_key
        old, new = move.before.get(key), move.after.get(key)
        name = f"{child.name}.{move.key['id']}"
        # In the columns' own types: listeners compare them with what the database gives.
        was, now = (revived(table, side) for side in (move.before, move.after))
        back = {n: was.get(n) for n in names}
        there = {n: now.get(n) for n in names} if move.after else None
        if old is not None and old == new:
            changes.note(entity, UUID(old), "updated", {name: there}, {name: back})
            owners.add(UUID(old))
            continue
        for owner, before, after in ((new, there, None), (old, None, back)):
            if owner is not None:
                changes.note(entity, UUID(owner), "updated", {name: before}, {name: after})
                owners.add(UUID(owner))
    for found in [x for x in uow.session.sync_session.identity_map.values() if isinstance(x, child.model)]:
        uow.session.sync_session.expunge(found)
    await raise_versions(uow, entity, owners - {winner.id})
