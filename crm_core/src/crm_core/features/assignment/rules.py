"""What a pool must be, when it may be deleted, and leads that are given out by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import sqlalchemy as sa
from msgspec import Meta

from crm_core.auth.actor import system
from crm_core.entity import filters
from crm_core.entity.single import matches
from crm_core.errors import Conflict, CrmError, Invalid
from crm_core.features.assignment import actions, choosing
from crm_core.features.assignment.models import Pool, PoolMember
from crm_core.i18n import Strings, Text
from crm_core.plugin import Listener, SettingsGroup
from crm_core.plugin.declare import Ref

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
CHECKER = system("assignment")


class PoolNotValid(Invalid):
    """Kinds, filters, skills or fallbacks that cannot be."""


class PoolInUse(Conflict):
    """Something gives records to the pool; `records` of the answer has their numbers by kind."""


class AssignmentSettings(msgspec.Struct, frozen=True, kw_only=True):
    """new_leads: records that come without an owner go to the first automatic pool whose filter takes them."""

    new_leads: Annotated[
        bool,
        Meta(
            title=str(_("Give new records out by pools")),
            description=str(_("Leads and deals without an owner; pools marked “Takes new records”, by position.")),
        ),
    ] = True


GROUP = SettingsGroup(name="core.assignment", struct=AssignmentSettings, label=_("Assignment"), order=46)


async def kinds(uow: UnitOfWork, _record: Any) -> list[tuple[str, Text]]:
    """Return the kinds of records that pools can give out."""
    able = [e for e in uow.registry.entities.values() if e.field("owner_id") and not e.parent and not e.protected]
    return [(e.name, e.plural) for e in sorted(able, key=lambda e: e.plural.to(uow.locale))]


async def validate(uow: UnitOfWork, record: Pool, changed: frozenset[str]) -> None:
    """Refuse a pool that could not work."""
    errors: dict[str, Text | str] = {}
    for kind, where in (("entity", "where"), ("counted_entity", "counted_where")):
        name = getattr(record, kind) or (record.entity if kind == "counted_entity" else "")
        entity = uow.registry.entities.get(name)
        if entity is None or entity.field("owner_id") is None or entity.parent:
            errors[kind] = _("There are no such records with an owner.")
        elif text := getattr(record, where):
            try:
                filters.parse(uow.registry, CHECKER, entity, text)
            except CrmError as error:
                errors[where] = error.text
    try:
        record.skills = choosing.write_skills(choosing.parse_skills(record.skills or ""))
    except ValueError as error:
        errors["skills"] = _skill(error)
    if problem := await _fallback(uow, record):
        errors["fallback_pool_id"] = problem
    if errors:
        raise PoolNotValid(_("Some values are not acceptable."), fields=errors)


async def _fallback(uow: UnitOfWork, record: Pool) -> Text | None:
    """Return what is wrong with the next pool: it leads back here, or takes other records."""
    at, seen = record.fallback_pool_id, {record.id}
    first = await uow.session.get(Pool, at) if at is not None else None
    if first is not None and first.entity != record.entity:
        return _("{name} takes other records.", name=first.name)
    while at is not None:
        if at in seen:
            return _("A pool is no fallback for itself.")
        seen.add(at)
        at = await uow.session.scalar(sa.select(Pool.fallback_pool_id).where(Pool.id == at))
    return None


def _skill(error: ValueError) -> Text:
    return _("“{text}” is no skill. Write german:3, with a level from 1 to 9.", text=str(error)[:40])


async def check_members(uow: UnitOfWork, event: Happened) -> None:
    """Refuse skills and filters of members that cannot be read."""
    pool: Any = event.record or await uow.session.get(Pool, event.record_id)
    rows = await uow.session.scalars(sa.select(PoolMember).where(PoolMember.pool_id == event.record_id))
    for row in rows.all():
        try:
            choosing.parse_skills(row.skills)
        except ValueError as error:
            raise PoolNotValid(_skill(error), fields={"members": _skill(error)}) from error
        try:
            if row.where:
                filters.parse(uow.registry, CHECKER, uow.registry.entity(pool.entity), row.where)
        except CrmError as error:
            raise PoolNotValid(error.text, fields={"members": error.text}) from error


async def refuse(uow: UnitOfWork, event: Happened) -> None:
    """Veto the deletion of a pool that a record of any kind names."""
    found: dict[str, int] = {}
    for entity in uow.registry.entities.values():
        table = entity.model.__table__
        for column in (table.c[n] for n in ("pool_id", "fallback_pool_id") if n in table.c):
            used = (
                sa.select(sa.func.count())
                .select_from(table)
                .where(column == event.record_id, table.c.deleted_at.is_(None))
            )
            if number := await uow.session.scalar(used):
                found[entity.name] = found.get(entity.name, 0) + number
    if found:
        words = ", ".join(f"{n} {uow.registry.entity(k).plural.to(uow.locale)}" for k, n in found.items())
        raise PoolInUse(_("The pool is used by {records}.", records=words), records=found)


async def give_out(uow: UnitOfWork, event: Happened) -> None:
    """Give a new record without an owner to the first automatic pool that takes it."""
    record: Any = event.record
    if record is None or record.owner_id is not None or not (await uow.settings(AssignmentSettings)).new_leads:
        return
    if actions.claimed(uow, record.id):
        return
    entity = uow.registry.entity(str(event.entity))
    wanted = sa.select(Pool).where(
        Pool.is_automatic, Pool.is_active, Pool.deleted_at.is_(None), Pool.entity == entity.name
    )
    for pool in (await uow.session.scalars(wanted.order_by(Pool.position, Pool.id))).all():
        if not pool.where or await _takes(uow, pool, record):
            await actions.assign(uow, pool.id, Ref(entity.name, record.id), settle=False)
            return


async def _takes(uow: UnitOfWork, pool: Pool, record: Any) -> bool:
    before, uow.actor = uow.actor, CHECKER
    try:
        entity = uow.registry.entity(pool.entity)
        return await matches(uow, entity, filters.parse(uow.registry, CHECKER, entity, pool.where), record)
    finally:
        uow.actor = before


LISTENERS = (
    *(Listener(event=f"core.pool.{w}", run=check_members, name=f"core.pool_{w}") for w in ("created", "updated")),
    Listener(event="core.pool.deleted", run=refuse, name="core.pool_in_use"),
    *(Listener(event=f"core.{w}.created", run=give_out, name=f"core.{w}_assignment") for w in ("lead", "deal")),
)
