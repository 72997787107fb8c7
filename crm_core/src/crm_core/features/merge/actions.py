"""Merging records of one kind into one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.db.types import new_id
from crm_core.entity import access, query, records
from crm_core.entity import fields as f
from crm_core.entity.changes import told_columns, touch
from crm_core.entity.inserts import insert, insert_rows
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.features.merge import trees
from crm_core.features.merge.children import move_children
from crm_core.features.merge.custom import move_custom_links
from crm_core.features.merge.events import RecordsMerged
from crm_core.features.merge.models import Merge, Move
from crm_core.features.merge.moves import Ledger, move_references
from crm_core.features.merge.schemas import MergeIn, MergeOut
from crm_core.features.merge.telling import tell
from crm_core.features.merge.values import told
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity, Ref
from crm_core.uow import RecordChanged

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
MOST = 100  # losers of one merge


class CannotMerge(Invalid):
    """These records cannot be merged with each other."""


class MergedAlready(Conflict):
    """One of the records was merged into another."""


async def merge(uow: UnitOfWork, entity: Entity, winner_id: UUID, wanted: MergeIn) -> MergeOut:
    """Merge records into one; they stay as redirects to it, and everything that refers to them refers to it.

    Needs the right to edit the winner and to delete the losers. CannotMerge for records that do not fit,
    NotFound for those in the trash or out of sight, MergedAlready, RecordChanged for one that was changed since
    it was read. One undo by cause puts everything back.
    """
    winner, losers = await _lock(uow, entity, winner_id, wanted)
    rows = await query.values_of(uow, entity, [winner, *losers])
    keep = picked(uow, entity, [winner, *losers], rows, wanted.values)
    keep |= await trees.place(uow, entity, winner, losers)  # before the rows below a loser move
    names = [n for n in told_columns(entity.model) if n != "custom"]
    old = {n: getattr(winner, n) for n in names}
    ledger = Ledger(new_id())
    await move_children(uow, entity, winner, losers, ledger)
    await move_references(uow, entity, winner, losers, ledger)
    await move_custom_links(uow, entity, winner, losers, ledger)
    told_both = await tell(uow, entity, winner.id, [r.id for r in losers])
    touch(winner, uow.now)
    for loser in losers:
        loser.merged_into, loser.deleted_at, loser.deleted_by = winner.id, uow.now, uow.actor.user_id
        touch(loser, uow.now)
    await uow.settle()  # a unique value is free for the winner now
    await records.update(uow, entity, winner, keep, trusted=True)
    await uow.settle()
    await trees.demand_no_cycle(uow, entity, winner)
    new = {n: getattr(winner, n) for n in names}
    columns = [n for n in names if new[n] != old[n] and n not in ("last_activity_at", "next_activity_at")]
    beside = _beside(uow, entity, keep)
    made = Merge(
        id=ledger.merge_id, cause=uow.cause, entity=entity.name, winner_id=winner.id, by_id=uow.actor.user_id,
        losers=[str(r.id) for r in losers], told_both=[str(i) for i in told_both],
        before=msgspec.to_builtins({n: old[n] for n in columns} | {f".{n}": told(rows[0], n) for n in beside}),
        after=msgspec.to_builtins({n: new[n] for n in columns} | {f".{n}": keep.get(n) for n in beside}),
    )  # fmt: skip
    insert(uow, made)
    insert_rows(uow, Move, ledger.rows)
    event = RecordsMerged(merge_id=made.id, entity=entity.name, winner_id=winner.id, loser_ids=[r.id for r in losers])
    await uow.emit(event, about=[Ref(entity.name, r.id) for r in (winner, *losers)])
    await settle_copies(uow, entity, [winner, *losers])
    return MergeOut(made.id, winner.id, [r.id for r in losers], uow.cause, ledger.counts)


async def settle_copies(uow: UnitOfWork, entity: Entity, touched: Sequence[Any]) -> None:
    """Count anew what is derived from moved rows: times of activities. The index of people hears of it by itself."""
    await uow.settle()
    if entity.has_activity:
        from crm_core.features.activities.public import refresh

        await refresh(uow, entity, [r.id for r in touched])


async def _lock(uow: UnitOfWork, entity: Entity, winner_id: UUID, wanted: MergeIn) -> tuple[Any, list[Any]]:
    """Return the records, locked in the order of their keys so that two merges cannot wait for each other."""
    if not entity.mergeable:
        raise CannotMerge(_("{plural} cannot be merged.", plural=entity.plural))
    ids = list(dict.fromkeys(wanted.losers))
    if not ids or winner_id in ids:
        raise CannotMerge(_("A record cannot be merged with itself; name another one."))
    if len(ids) > MOST:
        raise CannotMerge(_("At most {count} records at once.", count=MOST))
    keys = sorted([winner_id, *ids])
    found = await _allowed(uow, entity, winner_id, keys)
    await lock_all(uow, entity, keys)
    for key in keys:
        if found[key].deleted_at is not None:
            raise (MergedAlready if found[key].merged_into else NotFound)(_("There is no such record."))
        version = wanted.versions.get(key)
        if version is not None and version != found[key].version:
            text = _("Somebody else changed this record meanwhile.")
            raise RecordChanged(text, version=found[key].version, id=str(key))
    return found[winner_id], [found[key] for key in ids]


async def lock_all(uow: UnitOfWork, entity: Entity, keys: Sequence[UUID]) -> list[Any]:
    """Read records again as they are now, in the order of their keys, and keep others from changing them."""
    uow.demand_write()
    hold = uow.session.sync_session.info["hold"]
    hold.patient = True  # a hundred records and all that hangs on them take most of a second
    hold.mark()  # on SQLite the lock is the writer's
    model = entity.model
    wanted = sa.select(model).where(model.id.in_(keys)).order_by(model.id).with_for_update(key_share=True)
    return list(await uow.session.scalars(wanted.execution_options(populate_existing=True)))


async def _allowed(uow: UnitOfWork, entity: Entity, winner_id: UUID, keys: Sequence[UUID]) -> dict[UUID, Any]:
    """Return the records by key in one query; what is wrong with the first that does not fit is asked for apart."""
    model = entity.model
    visible, edit, delete = (access.rows(uow.registry, uow.actor, entity, v) for v in ("read", "edit", "delete"))
    fits = sa.case((model.id == winner_id, edit), else_=delete)
    rows = await uow.session.scalars(sa.select(model).where(model.id.in_(keys), visible, fits))
    found = {r.id: r for r in rows}
    for key in keys:
        if key not in found:
            found[key] = await _get(uow, entity, key, "edit" if key == winner_id else "delete")
    return found


async def _get(uow: UnitOfWork, entity: Entity, key: UUID, verb: str) -> Any:
    try:
        return await access.get(uow, entity, key, verb)
    except NotFound:
        table = access.table_of(entity)
        seen = access.rows(uow.registry, uow.actor, entity, "read", deleted=None)
        merged = sa.select(table.c.id).where(table.c.id == key, table.c.merged_into.is_not(None), seen)
        if await uow.session.scalar(merged) is not None:
            raise MergedAlready(_("One of the records has been merged into another already.")) from None
        raise


def picked(
    uow: UnitOfWork,
    entity: Entity,
    everybody: Sequence[Any],
    rows: Sequence[dict[str, Any]],
    chosen: Mapping[str, UUID],
) -> dict[str, Any]:
    """Return the API values the winner, first of the records, gets: chosen ones, and a loser's where it has none.

    Only what the actor may set; tags and several links are joined. CannotMerge for a choice that is none.
    """
    by_id = {r.id: row for r, row in zip(everybody, rows, strict=True)}
    own = rows[0]
    found: dict[str, Any] = {}
    fields = {x.name: x for x in pickable(uow, entity)}
    links = trees.own_links(entity)
    for name, source in chosen.items():
        if name not in fields or source not in by_id:
            text = _("This is no field or no record of this merge.")
            raise CannotMerge(text, fields={name: text})
    for name, one in fields.items():
        keys = _keys(one)
        if one.kind in ("tags", "links"):
            joined = list(dict.fromkeys(v for row in rows for v in told(row, name) or ()))
            if joined != list(told(own, name) or ()):
                found[name] = joined
            continue
        if name in chosen:
            row = by_id[chosen[name]]
        elif name in links or _filled(told(own, name)):  # a place in a tree is no gap to be filled
            continue
        else:
            row = _first(rows, name)
        found |= {k: told(row, k) for k in keys if told(row, k) != told(own, k)}
    return {k: v for k, v in found.items() if v != everybody[0].id}


def pickable(uow: UnitOfWork, entity: Entity) -> list[f.Field]:
    """Return the fields whose value a merge chooses: those the actor may set; stages and files stay."""
    return [
        x for x in uow.registry.fields(entity)
        if not x.readonly and not x.hidden and x.kind not in ("stage", "file")
        and uow.actor.may_set(entity.name, x.name) and uow.actor.may_see(entity.name, x.name)
    ]  # fmt: skip


def _keys(one: f.Field) -> tuple[str, ...]:
    if isinstance(one, f.Money):
        return (one.name, f"{one.name}_currency")
    return (one.name, one.zone_column) if isinstance(one, f.Appointment) else (one.name,)


def _filled(value: Any) -> bool:
    return value not in (None, "", [])


def _first(rows: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    return next((r for r in rows if _filled(told(r, name))), rows[0])


def _beside(uow: UnitOfWork, entity: Entity, keep: Mapping[str, Any]) -> list[str]:
    """Return the keys among `keep` that are no columns of the record: tags, links, fields of plugins, own fields."""
    columns = set(told_columns(entity.model)) - {"custom"}
    any_links = {x.name for x in entity.fields if isinstance(x, f.AnyLink)}
    return [k for k in keep if k not in columns and k not in any_links]
