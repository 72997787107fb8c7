"""Giving what a user holds to others, and giving it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.people import TeamMember, User
from crm_core.db.types import new_id
from crm_core.entity import access, records
from crm_core.entity.bulk import bulk_update
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.features.handover import queries
from crm_core.features.handover.events import HandedOver, HandOverUndone
from crm_core.features.handover.schemas import HandOver, NewHandOver, Started, UndoHandOver
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import Entity, Ref
from crm_core.plugin.handovers import Handover
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
RIGHT = "core.user.hand_over"


class HandOverRunning(Conflict):
    """A hand-over of this user's things is not finished yet."""


class NothingToUndo(NotFound):
    """This user has no hand-over of this cause, or it was undone."""


async def begin(uow: UnitOfWork, user: User, new: NewHandOver) -> Started:
    """Switch the user off if asked to, and enqueue the moving: one cause, whatever it takes.

    Needs `core.user.hand_over`, which is enough for every record: rows are not asked one by one.
    """
    to = await _choices(uow, user.id, new)
    if new.switch_off and user.is_active:
        entity = uow.registry.entity("core.user")
        allowed = await access.get(uow, entity, user.id, "edit")
        await records.update(uow, entity, allowed, {"is_active": False})
    cause = new_id()  # not that of this request: undoing gives things back and switches nobody on
    if not to:
        return Started(None, cause)
    if await uow.session.scalar(_running(user.id)):
        raise HandOverRunning(_("A hand-over is running. Wait until it is done."))
    call = HandOver(user_id=user.id, cause=cause, to=to, closed=new.closed)
    return Started(await uow.enqueue(call, key=queries.key_of(user.id)), cause)


def _running(user_id: UUID) -> sa.Select[int]:
    from crm_core.jobs.rows import JobRow

    return sa.select(sa.literal(1)).where(JobRow.held_key == queries.key_of(user_id)).limit(1)


async def _choices(uow: UnitOfWork, user_id: UUID, new: NewHandOver) -> dict[str, UUID]:
    """Return who gets what; Invalid for unknown names, inactive people, and the user themselves."""
    known = [e.name for e in queries.owned(uow.registry)] + [h.name for h in queries.resources(uow.registry)]
    errors: dict[str, Text | str] = {
        name: _("There is nothing of this name to hand over.") for name in new.choices if name not in known
    }
    found = {name: to for name in known if (to := new.choices.get(name, new.to)) is not None}
    active = set(
        await uow.session.scalars(
            sa.select(User.id).where(User.id.in_(set(found.values())), User.is_active, User.deleted_at.is_(None))
        )
    )
    for name, to in found.items():
        if to not in active or to == user_id:
            errors["to" if to == new.to else name] = _("Choose another active user.")
    if errors:
        raise Invalid(_("This cannot be handed over so."), fields=errors)
    return found


async def move_records(
    uow: UnitOfWork, entity: Entity, user_id: UUID, to: UUID, *, closed: bool, limit: int
) -> int:  # fmt: skip
    """Give some of a user's records to another; return how many, 0 when there are none left."""
    table = access.table_of(entity)
    where = queries.of_user(uow, entity, user_id, closed=closed)
    ids = list(await uow.session.scalars(sa.select(table.c.id).where(where).order_by(table.c.id).limit(limit)))
    if not ids:
        return 0
    values = {"owner_id": to, "team_id": await primary_team(uow, to)}
    still = sa.and_(table.c.id.in_(ids), table.c.owner_id == user_id)
    count = await bulk_update(uow, entity, still, values)
    if count:
        await _tell(uow, HandedOver(user_id=user_id, to=to, what=entity.name, count=count))
    return count


async def move_things(uow: UnitOfWork, kind: Handover, user_id: UUID, to: UUID) -> int:
    """Give a user's things of one kind to another; return how many."""
    keys = [h.key for h in await kind.held(uow, user_id)]
    moved = tuple(await kind.move(uow, user_id, to, keys)) if keys else ()
    if moved:
        await _tell(uow, HandedOver(user_id=user_id, to=to, what=kind.name, count=len(moved), keys=moved))
    return len(moved)


async def _tell(uow: UnitOfWork, event: HandedOver) -> None:
    await uow.emit(event, about=[Ref("core.user", event.user_id), Ref("core.user", event.to)])


async def primary_team(uow: UnitOfWork, user_id: UUID) -> UUID | None:
    """Return the team that a user's records belong to."""
    return await uow.session.scalar(
        sa.select(TeamMember.team_id).where(TeamMember.user_id == user_id, TeamMember.is_primary)
    )


async def undo(uow: UnitOfWork, user_id: UUID, cause: UUID) -> UUID:
    """Enqueue giving back what a hand-over moved; returns the job. NothingToUndo when there is no such cause."""
    run = await queries.last(uow, user_id)
    if run is None or run.cause != cause or run.undone:
        raise NothingToUndo(_("There is no hand-over to undo."))
    if run.state in ("pending", "running"):
        raise HandOverRunning(_("A hand-over is running. Wait until it is done."))
    return await uow.enqueue(UndoHandOver(user_id=user_id, cause=cause), key=f"core.undo_hand_over:{cause}")


async def records_back(uow: UnitOfWork, moved: list[tuple[UUID, str, UUID, dict[str, Any]]]) -> int:
    """Give records back that are still where a hand-over put them; return how many."""
    groups: dict[tuple[str, Any, Any, Any], list[UUID]] = {}
    for _event, entity, record_id, payload in moved:
        before, after = payload["before"], payload["after"]
        if "owner_id" in before:
            group = (entity, before["owner_id"], before.get("team_id", _SAME), after.get("owner_id"))
            groups.setdefault(group, []).append(record_id)
    count = 0
    for (name, owner, team, now), ids in groups.items():
        kind = uow.registry.entity(name)
        table = access.table_of(kind)
        where = sa.and_(table.c.id.in_(ids), table.c.owner_id == _id(now), table.c.deleted_at.is_(None))
        values: dict[str, Any] = {"owner_id": _id(owner)}
        if team is not _SAME:
            values["team_id"] = _id(team)
        count += await bulk_update(uow, kind, where, values)
    return count


_SAME = "same"


def _id(value: Any) -> UUID | None:
    return UUID(str(value)) if value is not None else None


async def things_back(uow: UnitOfWork, user_id: UUID, cause: UUID) -> int:
    """Give things back that a hand-over moved; return how many."""
    kinds: Mapping[str, Handover] = {h.name: h for h in queries.resources(uow.registry)}
    count = 0
    for payload in await queries.moved_things(uow, cause):
        kind = kinds.get(payload["what"])
        if kind is not None:  # its plugin may be gone by now
            await kind.back(uow, user_id, UUID(str(payload["to"])), payload["keys"])
            count += len(payload["keys"])
    return count


async def tell_undone(uow: UnitOfWork, user_id: UUID, cause: UUID, count: int) -> None:
    """Write down that a hand-over was undone."""
    told = HandOverUndone(user_id=user_id, undone=cause, count=count)
    await uow.emit(told, about=[Ref("core.user", user_id)])
