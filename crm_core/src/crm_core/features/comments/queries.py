"""Comments on one record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from crm_core.entity import access, query
from crm_core.errors import NotFound
from crm_core.features.comments.models import Comment
from crm_core.features.files.public import names_on
from crm_core.plugin import Entity, Ref, Strings
from crm_core.web.display import mentioned

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class Shown(msgspec.Struct, kw_only=True):
    """A comment as a page shows it. text: HTML."""

    id: Any
    who: str
    text: Any
    at: Any
    edited: bool
    mine: bool
    may_delete: bool
    files: list[tuple[Any, str]]


async def record_of(uow: UnitOfWork, of: str) -> tuple[Entity, Any]:
    """Return entity and record of "entity:id"; NotFound when it is not the actor's to read."""
    try:
        ref = Ref.parse(of)
        entity = uow.registry.entities[ref.entity]
    except (ValueError, KeyError) as error:
        raise NotFound(_("There is no such record.")) from error
    return entity, await access.get(uow, entity, ref.id)


async def on_record(uow: UnitOfWork, entity: Entity, record: Any, limit: int) -> tuple[list[Shown], bool]:
    """Return the newest comments on a record that the actor may read, oldest of them first, and whether there are more.

    Whoever may read the record and comments at all reads those on it.
    """
    kind = uow.registry.entity("core.comment")
    own = access.rows(uow.registry, uow.actor, kind, "delete")
    wanted = (
        sa.select(Comment, sa.type_coerce(own, sa.Boolean))
        .where(Comment.parent_entity == entity.name, Comment.parent_id == record.id, Comment.deleted_at.is_(None))
        .order_by(Comment.id.desc())
        .limit(limit + 1)
    )
    rows = (await uow.session.execute(wanted)).all()
    some = list(reversed(rows[:limit]))
    people = await query.labels(uow, {Ref("core.user", c.owner_id) for c, _own in some if c.owner_id})
    files = await names_on(uow, "core.comment", [c.id for c, _own in some])
    return [
        Shown(
            id=c.id, who=people.get(Ref("core.user", c.owner_id), "") if c.owner_id else "",
            text=mentioned(c.body), at=c.created_at,
            edited=c.version > 1, mine=c.owner_id == uow.actor.user_id, may_delete=bool(mine),
            files=files.get(c.id, []),
        )
        for c, mine in some
    ], len(rows) > limit  # fmt: skip
