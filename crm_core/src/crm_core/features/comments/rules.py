"""Who sees a comment, and what is copied when one is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.auth.actor import Actor
from crm_core.entity import about
from crm_core.features.comments.models import Comment
from crm_core.plugin import Listener, Ref

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork


def also_visible(actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition on comments about the actor's own or their team's records."""
    return about.through_parent(Comment, actor, "core.comment")


async def validate(uow: UnitOfWork, comment: Comment, changed: frozenset[str]) -> None:
    """Copy owner and team of the record it is about; Invalid when the actor sees no such record."""
    if "parent" in changed or "parent_id" in changed:
        ref = Ref(comment.parent_entity, comment.parent_id)
        found = await about.demand_parents(uow, [ref], "parent")
        comment.parent_owner_id, comment.parent_team_id = found[ref]


async def copy_owner(uow: UnitOfWork, event: Happened) -> None:
    """Give comments about a record its new owner and team."""
    await about.copy_owner(uow, event, Comment)


LISTENERS = (Listener(event="*", run=copy_owner, name="core.comment_owner", wants=about.changes_owner),)
