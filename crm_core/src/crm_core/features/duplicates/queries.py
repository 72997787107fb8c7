"""Looking for records that may be the same: candidates by key, then a score for each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.db.types import Id
from crm_core.entity import access
from crm_core.entity.filter_values import padded
from crm_core.entity.statements import parameter, prepared
from crm_core.features.duplicates.models import Duplicate, NotDuplicate
from crm_core.features.duplicates.schemas import Candidate, Pair, Pairs, Reason, Side
from crm_core.features.duplicates.scoring import LEAST, Facts, score
from crm_core.features.people.public import Key, MatchKey, keys_of_values
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

M: Any = MatchKey.__table__
BY_ADDRESS, BY_NAME = 50, 100  # candidates looked at
SHOWN = 10
PAGE = 50


async def find_duplicates(
    uow: UnitOfWork, entity: Entity, values: Mapping[str, Any], *, exclude: Collection[UUID] = ()
) -> list[Candidate]:
    """Return records of an entity that may be the same as one with these API values, the likeliest first.

    Compared are e-mail addresses, phone numbers, domains and names; only records that the actor may read are
    named, none in the trash. At most ten. Two queries, both by key.
    """
    if not entity.mergeable:
        return []
    keys = await keys_of_values(uow, entity, values)
    if not keys:
        return []
    me = Facts(_title(entity, values), _uuid(values.get("company_id")), keys)
    shared, found = await _shared(uow, entity, keys), []
    for key, title, company in await _candidates(uow, entity, keys):
        points, reasons = score(entity, me, Facts(title or "", company, shared.get(key, ())))
        if points >= LEAST and key not in exclude:
            found.append(Candidate(key, title or "–", points, reasons))
    return sorted(found, key=lambda c: (-c.score, c.id))[:SHOWN]


def _title(entity: Entity, values: Mapping[str, Any]) -> str:
    own = values.get(entity.title)
    return str(own or " ".join(str(values[n]) for n in ("first_name", "last_name") if values.get(n)))


def _uuid(value: Any) -> UUID | None:
    try:
        return value if isinstance(value, UUID) else UUID(str(value)) if value else None
    except ValueError:
        return None


async def _candidates(uow: UnitOfWork, entity: Entity, keys: Collection[Key]) -> Sequence[Any]:
    """Return id, title and company of records in the same blocks: those by address, and the best of those by name."""
    addresses, names = _given("a", keys, name=False), _given("n", keys, name=True)
    key = ("duplicates", entity.name, len(addresses), len(names), access.shape(uow.registry, uow.actor, entity))

    def make() -> sa.Select[Any]:
        table, of, parts = access.table_of(entity), M.c.entity == entity.name, []
        if addresses:
            strong = sa.select(M.c.record_id).where(of, _among(addresses), M.c.kind != "name").distinct()
            parts.append(sa.select(strong.limit(BY_ADDRESS).subquery().c.record_id))
        if names:
            alike = sa.select(M.c.record_id).where(of, _among(names), M.c.kind == "name").group_by(M.c.record_id)
            best = alike.order_by(sa.func.count().desc(), M.c.record_id.desc()).limit(BY_NAME)
            parts.append(sa.select(best.subquery().c.record_id))
        chosen = sa.union(*parts).subquery()
        return (
            sa.select(table.c.id, table.c[entity.title].label("title"), company_of(table).label("company"))
            .join(chosen, chosen.c.record_id == table.c.id)
            .where(access.rows(uow.registry, uow.actor, entity, "read"))
        )

    return await prepared(uow, key, make).fetch(uow, {**addresses, **names, **access.parameters(uow.actor)})


def _given(start: str, keys: Collection[Key], *, name: bool) -> dict[str, str]:
    """Return the folded values as parameters, padded so that a few statements serve all."""
    values = sorted({k.folded for k in keys if (k.kind == "name") is name})[:64]
    return {f"{start}{i}": v for i, v in enumerate(padded(values))} if values else {}


def _among(given: Mapping[str, str]) -> Any:
    return M.c.folded.in_([parameter(n, M.c.folded.type) for n in given])


def company_of(table: Any) -> Any:
    """Return the company of a kind of records that have one."""
    return table.c.company_id if "company_id" in table.c else sa.null().cast(Id())


async def _shared(uow: UnitOfWork, entity: Entity, keys: Collection[Key]) -> dict[UUID, set[Key]]:
    """Return, by record, which of the addresses it has too."""
    addresses = _given("a", keys, name=False)
    found: dict[UUID, set[Key]] = {}
    if not addresses:
        return found

    def make() -> sa.Select[Any]:
        columns = (M.c.record_id, M.c.kind, M.c.folded)
        return sa.select(*columns).where(M.c.entity == entity.name, _among(addresses), M.c.kind != "name").limit(500)

    key = ("shared addresses", entity.name, len(addresses))
    for record_id, kind, folded in await prepared(uow, key, make).fetch(uow, addresses):
        found.setdefault(record_id, set()).add(Key(kind, folded))
    return found


async def of_record(uow: UnitOfWork, entity: Entity, record_id: UUID) -> list[Candidate]:
    """Return what may be the same as a record that the actor may read; without pairs said to be none."""
    from crm_core.entity import query

    record = await access.get(uow, entity, record_id)
    values = (await query.values_of(uow, entity, [record]))[0]
    plain = {k: ([_plain(x) for x in v] if isinstance(v, list) else v) for k, v in values.items()}
    dismissed = await _dismissed(uow, entity, record_id)
    return await find_duplicates(uow, entity, plain, exclude={record_id, *dismissed})


def _plain(row: Any) -> Any:
    import msgspec

    return msgspec.structs.asdict(row) if isinstance(row, msgspec.Struct) else row


async def _dismissed(uow: UnitOfWork, entity: Entity, record_id: UUID) -> set[UUID]:
    n: Any = NotDuplicate.__table__
    query = sa.select(n.c.first_id, n.c.second_id).where(
        n.c.entity == entity.name, sa.or_(n.c.first_id == record_id, n.c.second_id == record_id)
    )
    return {x for pair in await uow.session.execute(query) for x in pair} - {record_id}


async def pairs(uow: UnitOfWork, entity: Entity, *, skip: int = 0, limit: int = PAGE) -> Pairs:
    """Return the pairs found by night of which the actor may read both records, the likeliest first."""
    d: Any = Duplicate.__table__
    one, two = access.table_of(entity).alias(), access.table_of(entity).alias()
    query = (
        sa.select(d.c.first_id, d.c.second_id, d.c.score, d.c.reasons, one.c[entity.title].label("a"),
                  two.c[entity.title].label("b"))
        .join(one, one.c.id == d.c.first_id)
        .join(two, two.c.id == d.c.second_id)
        .where(d.c.entity == entity.name, access.rows(uow.registry, uow.actor, entity, "read", one),
               access.rows(uow.registry, uow.actor, entity, "read", two))
        .order_by(d.c.score.desc(), d.c.first_id, d.c.second_id)
        .offset(skip).limit(limit + 1)
    )  # fmt: skip
    rows = (await uow.session.execute(query)).all()
    items = [
        Pair(entity.name, Side(r.first_id, r.a or "–"), Side(r.second_id, r.b or "–"), r.score,
             [Reason(**x) for x in r.reasons])
        for r in rows[:limit]
    ]  # fmt: skip
    return Pairs(items, len(rows) > limit)
