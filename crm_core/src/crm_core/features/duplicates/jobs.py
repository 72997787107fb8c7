"""The nightly search for pairs, in short transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.db.types import new_id
from crm_core.entity import access
from crm_core.entity.inserts import insert_rows, send
from crm_core.features.duplicates.models import Duplicate, NotDuplicate
from crm_core.features.duplicates.queries import company_of
from crm_core.features.duplicates.schemas import FindDuplicates
from crm_core.features.duplicates.scoring import LEAST, Facts, score
from crm_core.features.people.public import Key, MatchKey
from crm_core.jobs.context import JobContext
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

M: Any = MatchKey.__table__
D: Any = Duplicate.__table__
N: Any = NotDuplicate.__table__
BATCH = 200
LARGEST = 400  # records that share one key: more say nothing (a switchboard, a name such as "Info")
Ids = tuple[UUID, UUID]


async def find_all(job: JobContext, call: FindDuplicates) -> None:
    """Compare all records of a kind with those after them; what no longer looks alike is forgotten. May run twice."""
    registry = job.kernel.registry
    wanted = [e for e in registry.entities.values() if e.mergeable and call.entity in ("", e.name)]
    done = found = 0
    for entity in wanted:
        table, after = access.table_of(entity), None
        async with job.transaction() as uow:
            common = await _common(uow, entity)
        while True:
            query = sa.select(table.c.id).where(table.c.deleted_at.is_(None)).order_by(table.c.id).limit(BATCH)
            async with job.transaction() as uow:
                ids = list(await uow.session.scalars(query if after is None else query.where(table.c.id > after)))
                found += await _batch(uow, entity, ids, after, common)
            done += len(ids)
            await job.progress(done)
            if len(ids) < BATCH:
                break
            after = ids[-1]
    async with job.transaction() as uow:
        await job.finish(uow, {"records": done, "pairs": found})


async def _common(uow: UnitOfWork, entity: Entity) -> list[str]:
    """Return the keys that too many records share."""
    query = sa.select(M.c.folded).where(M.c.entity == entity.name).group_by(M.c.folded)
    return list(await uow.session.scalars(query.having(sa.func.count() > LARGEST).limit(2000)))


async def _batch(uow: UnitOfWork, entity: Entity, ids: list[UUID], after: UUID | None, common: list[str]) -> int:
    """Write the pairs whose first record is in this batch, over those of the last search."""
    pairs = await _pairs(uow, entity, ids, common)
    facts = await _facts(uow, entity, {x for pair in pairs for x in pair})
    dismissed = await _dismissed(uow, entity, ids)
    rows = []
    for first, second in sorted(pairs - dismissed):
        if first not in facts or second not in facts:
            continue
        points, reasons = score(entity, facts[first], facts[second])
        if points >= LEAST:
            rows.append({"id": new_id(), "entity": entity.name, "first_id": first, "second_id": second,
                         "score": points, "reasons": msgspec.to_builtins(reasons)})  # fmt: skip
    old = sa.delete(D).where(D.c.entity == entity.name)
    if after is not None:
        old = old.where(D.c.first_id > after)
    if len(ids) == BATCH:
        old = old.where(D.c.first_id <= ids[-1])
    await uow.session.execute(old)
    insert_rows(uow, Duplicate, rows)
    await send(uow)
    return len(rows)


async def _pairs(uow: UnitOfWork, entity: Entity, ids: list[UUID], common: list[str]) -> set[Ids]:
    """Return pairs that share an address, or two blocks of names (of one word: the one)."""
    if not ids:
        return set()
    one, two = M.alias(), M.alias()
    same = sa.and_(two.c.folded == one.c.folded, two.c.entity == one.c.entity, two.c.kind == one.c.kind)
    strong = sa.func.max(sa.case((one.c.kind == "name", 0), else_=1))
    single = sa.func.max(sa.case((one.c.folded.endswith("|", autoescape=True), 1), else_=0))
    query = (
        sa.select(one.c.record_id, two.c.record_id)
        .join(two, sa.and_(same, two.c.record_id > one.c.record_id))
        .where(one.c.entity == entity.name, one.c.record_id.in_(ids))
        .group_by(one.c.record_id, two.c.record_id)
        .having(sa.or_(strong == 1, sa.func.count() > 1, single == 1))
    )
    if common:
        query = query.where(one.c.folded.not_in(common))
    return {(a, b) for a, b in await uow.session.execute(query)}


async def _facts(uow: UnitOfWork, entity: Entity, ids: set[UUID]) -> dict[UUID, Facts]:
    table, wanted = access.table_of(entity), sorted(ids)
    keys: dict[UUID, set[Key]] = {}
    found: dict[UUID, Facts] = {}
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        query = sa.select(M.c.record_id, M.c.kind, M.c.folded).where(
            M.c.entity == entity.name, M.c.record_id.in_(part), M.c.kind != "name"
        )
        for record_id, kind, folded in await uow.session.execute(query):
            keys.setdefault(record_id, set()).add(Key(kind, folded))
        rows = sa.select(table.c.id, table.c[entity.title].label("title"), company_of(table).label("company"))
        live = rows.where(table.c.id.in_(part), table.c.deleted_at.is_(None))
        for row in await uow.session.execute(live):
            found[row.id] = Facts(row.title or "", row.company, keys.get(row.id, set()))
    return found


async def _dismissed(uow: UnitOfWork, entity: Entity, ids: list[UUID]) -> set[Ids]:
    query = sa.select(N.c.first_id, N.c.second_id).where(N.c.entity == entity.name, N.c.first_id.in_(ids))
    return {(a, b) for a, b in await uow.session.execute(query)}
