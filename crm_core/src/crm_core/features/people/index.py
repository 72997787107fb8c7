"""Keeping the index in step with the records, in their transaction; making it anew; counting what differs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.entity.changes import Change, Happened
from crm_core.entity.inserts import insert_rows, send
from crm_core.features.people.keys import Key, region
from crm_core.features.people.models import MatchKey
from crm_core.features.people.sources import indexed, keys_of, needs_country, shape_of
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.plugin.registry import Registry
    from crm_core.uow import UnitOfWork

M: Any = MatchKey.__table__
BATCH = 500
Rows = dict[UUID, set[Key]]


def entities(registry: Registry) -> list[Entity]:
    """Return the kinds of records that are in the index."""
    return [e for e in registry.entities.values() if indexed(e)]


async def index_new(uow: UnitOfWork, event: Happened) -> None:
    """Listener: write the keys of a new record from its event; asks the database nothing."""
    entity = uow.registry.entities[event.entity or ""]
    if indexed(entity) and event.record_id is not None:
        children: dict[str, list[Any]] = {}
        for name, value in event.after.items():
            start, dot, _id = name.partition(".")
            if dot and value:
                children.setdefault(start, []).append(value)
        _add(uow, entity, event.record_id, await _keys(uow, entity, event.after, children))


async def index_changed(uow: UnitOfWork, event: Happened) -> None:
    """Listener: bring the keys of changed records up to date, all those of a round at once."""
    entity = uow.registry.entities[event.entity or ""]
    if not indexed(entity):
        return
    net = uow.demand_write().net
    done: dict[UUID, str] = uow.session.sync_session.info.setdefault(("match keys", entity.name), {})
    own = net.get((entity.name, event.record_id))  # type: ignore[arg-type]  # a record event has one
    if own is not None and done.get(own.id) == _stamp(own):
        return
    changed = [c for c in net.values() if c.entity.name == entity.name and c.kind != "created" and _touches(c)]
    if own is not None and own not in changed:
        changed.append(own)
    waiting = [c for c in changed if done.get(c.id) != _stamp(c)]
    done.update({c.id: _stamp(c) for c in waiting})
    await reindex(uow, entity, [c.id for c in waiting])


def _stamp(change: Change) -> str:
    return repr(sorted(change.after.items(), key=lambda pair: pair[0]))


def _touches(change: Change) -> bool:
    watched = shape_of(change.entity).watched
    return any(n.partition(".")[0] in watched for n in (*change.before, *change.after))


def touches(event: Happened) -> bool:
    """Return whether an update can alter keys; for `Listener(wants=…)`: names only, whatever the entity."""
    names = {n.partition(".")[0] for n in event.changed}
    return event.kind in ("updated", "merged", "restored") and not names.isdisjoint(WATCHED)


def is_new(event: Happened) -> bool:
    """Return whether a record was made; for `Listener(wants=…)`."""
    return event.kind == "created" and event.entity is not None and event.event is None


# Names of fields and children that hold addresses or names, of any entity; `index_changed` looks closer.
WATCHED = frozenset({"name", "email", "phone", "emails", "phones", "domain", "domains"})


async def reindex(uow: UnitOfWork, entity: Entity, ids: Sequence[UUID]) -> int:
    """Write the keys of records as they are in the database now; return how many keys differed."""
    await send(uow)
    differed = 0
    for start in range(0, len(ids), BATCH):
        part = list(ids[start : start + BATCH])
        wanted, stored = await counted(uow, entity, part), await _stored(uow, entity, part)
        for record_id in part:
            right, have = wanted.get(record_id, set()), stored.get(record_id, set())
            gone = have - right
            differed += len(gone) + len(right - have)
            if gone:
                await _remove(uow, entity, record_id, gone)
            _add(uow, entity, record_id, right - have)
    return differed


async def _remove(uow: UnitOfWork, entity: Entity, record_id: UUID, gone: set[Key]) -> None:
    of = sa.and_(M.c.entity == entity.name, M.c.record_id == record_id)
    for kind in {k.kind for k in gone}:
        folded = [k.folded for k in gone if k.kind == kind]
        await uow.session.execute(sa.delete(M).where(of, M.c.kind == kind, M.c.folded.in_(folded)))


def _add(uow: UnitOfWork, entity: Entity, record_id: UUID, keys: set[Key]) -> None:
    rows = [{"entity": entity.name, "record_id": record_id, "kind": k.kind, "folded": k.folded} for k in sorted(keys)]
    insert_rows(uow, MatchKey, rows)


async def _keys(uow: UnitOfWork, entity: Entity, values: Any, children: Any) -> set[Key]:
    shape = shape_of(entity)
    country = await region(uow) if needs_country(shape, values, children) else ""
    return set(keys_of(shape, values, children, country))


async def keys_of_values(uow: UnitOfWork, entity: Entity, values: Mapping[str, Any]) -> set[Key]:
    """Return the keys a record with these API values would have; what cannot be read is left out."""
    shape = shape_of(entity)
    children = {
        child.name: [row for row in values.get(child.name) or () if isinstance(row, Mapping)]
        for child, _found in shape.children
        if isinstance(values.get(child.name), list | tuple)
    }
    own = dict(values)
    if shape.names and not own.get(shape.names):  # a contact's name is made of its parts
        own[shape.names] = " ".join(str(own[n]) for n in ("first_name", "last_name") if own.get(n))
    return await _keys(uow, entity, own, children)


async def counted(uow: UnitOfWork, entity: Entity, ids: Sequence[UUID]) -> Rows:
    """Return the keys that records should have, counted from their rows."""
    shape, table = shape_of(entity), entity.model.__table__
    names = sorted({n for _kind, n in shape.own} | ({shape.names} - {""}))
    rows = await uow.session.execute(sa.select(table.c.id, *(table.c[n] for n in names)).where(table.c.id.in_(ids)))
    children: dict[UUID, dict[str, list[Any]]] = {}
    for child, found in shape.children:
        part: Any = child.model.__table__
        columns = (part.c[child.foreign_key].label("owner"), *(part.c[n] for _kind, n in found))
        for row in await uow.session.execute(sa.select(*columns).where(part.c[child.foreign_key].in_(ids))):
            children.setdefault(row.owner, {}).setdefault(child.name, []).append(row._mapping)  # noqa: SLF001 - public
    return {row.id: await _keys(uow, entity, row._mapping, children.get(row.id, {})) for row in rows}  # noqa: SLF001


async def _stored(uow: UnitOfWork, entity: Entity, ids: Sequence[UUID]) -> Rows:
    found: Rows = {}
    query = sa.select(M.c.record_id, M.c.kind, M.c.folded).where(M.c.entity == entity.name, M.c.record_id.in_(ids))
    for record_id, kind, folded in await uow.session.execute(query):
        found.setdefault(record_id, set()).add(Key(kind, folded))
    return found


async def batches(uow: UnitOfWork, entity: Entity, after: UUID | None = None) -> AsyncIterator[list[UUID]]:
    """Yield the ids of an entity's records, those in the trash included, in batches by key."""
    table = entity.model.__table__
    while True:
        query = sa.select(table.c.id).order_by(table.c.id).limit(BATCH)
        ids = list(await uow.session.scalars(query if after is None else query.where(table.c.id > after)))
        if not ids:
            return
        yield ids
        after = ids[-1]


async def differences(uow: UnitOfWork) -> int:
    """Return how many keys are missing or too many, over the whole index."""
    found = 0
    for entity in entities(uow.registry):
        async for ids in batches(uow, entity):
            wanted, stored = await counted(uow, entity, ids), await _stored(uow, entity, ids)
            found += sum(len(wanted.get(i, set()) ^ stored.get(i, set())) for i in ids)
        found += await uow.session.scalar(sa.select(sa.func.count()).where(*_orphans(entity))) or 0
    return found


def _orphans(entity: Entity) -> tuple[Any, ...]:
    table = entity.model.__table__
    return (M.c.entity == entity.name, ~sa.exists().where(table.c.id == M.c.record_id).correlate(M))


async def remove_orphans(uow: UnitOfWork, entity: Entity) -> int:
    """Delete the keys of records that are gone for good; return how many there were."""
    gone: Any = await uow.session.execute(sa.delete(M).where(*_orphans(entity)))
    return int(gone.rowcount)
