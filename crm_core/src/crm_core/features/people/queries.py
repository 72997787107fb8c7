"""Who has an address: one query over the index, as far as the actor may see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.entity import access
from crm_core.features.people.keys import Key, key_of, region
from crm_core.features.people.models import MatchKey
from crm_core.features.people.sources import SOURCES
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

MOST = 1000  # addresses of one call


@dataclass(frozen=True, slots=True)
class Person:
    """A record that has an address. by: "email", "phone" or "domain" (a company whose domain an e-mail is at)."""

    entity: str
    id: UUID
    title: str
    by: str


async def find_people(uow: UnitOfWork, addresses: Iterable[str]) -> dict[str, list[Person]]:
    """Return, for each address as given, the contacts, leads, users and companies that have it.

    An address is an e-mail address ("Anna <a@x.org>" too), a phone number in any spelling, or a domain. Contacts
    come first, then leads, users and companies; a company is found by the domain of an e-mail address. Rows that
    the actor may not read and those in the trash are left out; a `system` actor sees all. Addresses that nobody
    has, or that are none, have an empty list. At most 1,000 addresses: ValueError for more. One query.
    """
    given = list(dict.fromkeys(addresses))
    if len(given) > MOST:
        raise ValueError(f"at most {MOST} addresses at once")
    country = await region(uow)
    wanted: dict[Key, list[str]] = {}
    for address in given:
        for key in key_of(address, country):
            wanted.setdefault(key, []).append(address)
    found: dict[str, list[Person]] = {address: [] for address in given}
    if not wanted:
        return found
    for number, by, folded, record_id, title in await uow.session.execute(_query(uow, wanted)):
        person = Person(tuple(SOURCES)[number], record_id, title, by)
        for address in wanted.get(Key(by, folded), ()):
            if all((p.entity, p.id) != (person.entity, person.id) for p in found[address]):
                found[address].append(person)
    return found


def _query(uow: UnitOfWork, wanted: dict[Key, list[str]]) -> Any:
    """Return the union over the kinds of records; the order is that of SOURCES, then the oldest first."""
    parts = []
    for number, (name, source) in enumerate(SOURCES.items()):
        entity = uow.registry.entities.get(name)
        if entity is None:
            continue
        folded = sorted({k.folded for k in wanted if k.kind in source.kinds})
        if folded:
            parts.append(_part(uow, entity, number, folded))
    whole = sa.union_all(*parts).subquery()
    return sa.select(whole).order_by(whole.c.source, whole.c.kind, whole.c.record_id)


def _part(uow: UnitOfWork, entity: Entity, number: int, folded: list[str]) -> Any:
    table, keys = access.table_of(entity), MatchKey.__table__.alias()
    return (
        sa.select(sa.literal(number).label("source"), keys.c.kind, keys.c.folded, keys.c.record_id,
                  table.c[entity.title].label("title"))
        .join(table, table.c.id == keys.c.record_id)
        .where(keys.c.folded.in_(folded), keys.c.entity == entity.name, keys.c.kind != "name",
               access.rows(uow.registry, uow.actor, entity, "read"))
    )  # fmt: skip
