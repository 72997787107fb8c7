"""Following records and leaving them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from crm_core.db.types import new_id
from crm_core.features.followers.queries import F, follows
from crm_core.features.followers.settings import FollowSettings
from crm_core.features.notifications.public import me
from crm_core.plugin import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def follow(uow: UnitOfWork, entity: Entity, record: Any) -> None:
    """Follow a record that the actor may read."""
    await _put(uow, entity.name, record.id, me(uow), is_muted=False, reason="chosen", again=True)


async def unfollow(uow: UnitOfWork, entity: Entity, record: Any) -> None:
    """Hear no more of a record, even as its owner."""
    mine = sa.and_(F.c.entity == entity.name, F.c.record_id == record.id, F.c.user_id == me(uow))
    uow.demand_write()
    await uow.session.execute(sa.delete(F).where(mine))
    if await follows(uow, entity, record):
        await _put(uow, entity.name, record.id, me(uow), is_muted=True, reason="chosen", again=True)


async def follow_by_itself(uow: UnitOfWork, entity: str, record_id: UUID, reason: str) -> None:
    """Let the actor follow what they "created" or "commented", if their settings say so and they have not left it."""
    if uow.actor.user_id is None or not getattr(await uow.settings(FollowSettings), reason):
        return
    await _put(uow, entity, record_id, uow.actor.user_id, is_muted=False, reason=reason, again=False)


async def _put(
    uow: UnitOfWork, entity: str, record_id: UUID, user_id: UUID, *, is_muted: bool, reason: str, again: bool
) -> None:
    uow.demand_write()
    insert: Any = (postgresql if uow.db.dialect == "postgresql" else sqlite).insert(F).values(
        id=new_id(), created_at=uow.now, entity=entity, record_id=record_id, user_id=user_id, is_muted=is_muted,
        reason=reason,
    )  # fmt: skip
    at = ["entity", "record_id", "user_id"]
    changed = insert.on_conflict_do_update(index_elements=at, set_={"is_muted": is_muted, "reason": reason})
    await uow.session.execute(changed if again else insert.on_conflict_do_nothing(index_elements=at))
