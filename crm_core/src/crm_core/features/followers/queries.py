"""Who follows what."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.people import User
from crm_core.entity import access, query
from crm_core.errors import Invalid, NotFound
from crm_core.features.followers.models import Follow
from crm_core.features.followers.schemas import Follower, FollowOut
from crm_core.features.followers.settings import FollowSettings
from crm_core.features.notifications.public import me, settings_of
from crm_core.plugin import Entity, Ref, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
F: Any = Follow.__table__
LINKED = ("core.comment", "core.file")
"""Entities that hang on other records: those are followed."""
MOST = 500


def followable(entity: Entity) -> bool:
    """Return whether records of an entity can be followed: those with an owner and rights of their own."""
    return (
        entity.field("owner_id") is not None
        and not entity.parent
        and not entity.public_read
        and entity.name not in LINKED
    )


async def record_of(uow: UnitOfWork, about: str, *, any_kind: bool = False) -> tuple[Entity, Any]:
    """Return entity and record of "entity:id" that the actor may read.

    NotFound for any other, Invalid for what cannot be followed (`any_kind`: whatever has a page will do).
    """
    try:
        ref = Ref.parse(about)
        entity = uow.registry.entities[ref.entity]
    except (ValueError, KeyError) as error:
        raise NotFound(_("There is no such record.")) from error
    if not (any_kind or followable(entity)):
        raise Invalid(_("Records of this kind cannot be followed."))
    return entity, await access.get(uow, entity, ref.id)


async def recipients(uow: UnitOfWork, entity: str, owners: Mapping[UUID, UUID | None]) -> dict[UUID, set[UUID]]:
    """Return who follows each of these records; `owners` maps their ids to their owners, who follow by their settings.

    Rights are not asked here: they are looked at when a notification is delivered.
    """
    found: dict[UUID, set[UUID]] = {key: set() for key in owners}
    muted: set[tuple[UUID, UUID]] = set()
    wanted = sa.select(F.c.record_id, F.c.user_id, F.c.is_muted).where(F.c.entity == entity)
    ids = sorted(owners)
    for start in range(0, len(ids), MOST):
        for record_id, user_id, is_muted in await uow.session.execute(
            wanted.where(F.c.record_id.in_(ids[start : start + MOST]))
        ):
            if is_muted:
                muted.add((record_id, user_id))
            else:
                found[record_id].add(user_id)
    holders = {o for o in owners.values() if o is not None and o != uow.actor.user_id}
    wishes = await settings_of(uow, FollowSettings, holders) if holders else {}
    for record_id, owner in owners.items():
        if owner in wishes and wishes[owner].owned and (record_id, owner) not in muted:
            found[record_id].add(owner)
    return found


async def followers_of(uow: UnitOfWork, entity: Entity, record: Any) -> list[Follower]:
    """Return who follows a record that the actor may read, by name."""
    ids = (await recipients(uow, entity.name, {record.id: record.owner_id}))[record.id]
    if await follows(uow, entity, record):
        ids.add(me(uow))
    if not ids:
        return []
    wanted = sa.select(User.id, User.name).where(User.id.in_(ids), User.is_active, User.deleted_at.is_(None))
    return [Follower(user_id=i, name=n) for i, n in await uow.session.execute(wanted.order_by(User.name_f, User.id))]


async def follows(uow: UnitOfWork, entity: Entity, record: Any) -> bool:
    """Return whether the actor follows a record."""
    is_muted = await uow.session.scalar(
        sa.select(F.c.is_muted).where(F.c.entity == entity.name, F.c.record_id == record.id, F.c.user_id == me(uow))
    )
    if is_muted is None:
        return record.owner_id == me(uow) and (await uow.settings(FollowSettings)).owned
    return not is_muted


async def mine(uow: UnitOfWork, before: UUID | None = None, limit: int = 100) -> list[tuple[UUID, FollowOut]]:
    """Return the records the actor chose to follow and may read now, newest first."""
    wanted = sa.select(Follow).where(Follow.user_id == me(uow), Follow.is_muted.is_(False))
    if before is not None:
        wanted = wanted.where(Follow.id < before)
    rows = (await uow.session.scalars(wanted.order_by(Follow.id.desc()).limit(max(1, min(limit, MOST))))).all()
    titles = await labels_of(uow, rows)
    return [
        (r.id, FollowOut(about=f"{r.entity}:{r.record_id}", title=titles[r.id][0], href=titles[r.id][1],
                         reason=r.reason, since=r.created_at))
        for r in rows if r.id in titles
    ]  # fmt: skip


async def labels_of(uow: UnitOfWork, rows: Collection[Any]) -> dict[UUID, tuple[str, str]]:
    """Return title and path by row id, of rows with (entity, record_id) whose record is there and may be read."""
    titles = await query.labels(uow, {Ref(r.entity, r.record_id) for r in rows}, deleted=False) if rows else {}
    return {
        r.id: (titles[ref] or "–", f"/{uow.registry.entities[r.entity].path}/{r.record_id}")
        for r in rows
        if (ref := Ref(r.entity, r.record_id)) in titles
    }
