"""Who sees a comment, who changes it, and what is copied when one is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.auth.actor import Actor, ActorKind
from crm_core.entity import about
from crm_core.errors import Forbidden, Invalid
from crm_core.features.comments import mentions
from crm_core.features.comments.models import Comment
from crm_core.plugin import Ref, Strings

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
SUMMARY = 255


class NotYourComment(Forbidden):
    """Only who wrote a comment changes its words."""


def also_visible(actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition on comments about the actor's own or their team's records."""
    return about.through_parent(Comment, actor, "core.comment")


async def validate(uow: UnitOfWork, comment: Comment, changed: frozenset[str]) -> None:
    """Check who writes and whom they name, and copy owner and team of the record it is about.

    Invalid when the actor sees no such record, or somebody is named who does not.
    """
    old = _before(comment)
    if "parent" in changed or "parent_id" in changed:
        ref = Ref(comment.parent_entity, comment.parent_id)
        found = await about.demand_parents(uow, [ref], "parent")
        comment.parent_owner_id, comment.parent_team_id = found[ref]
    if "body" in changed:
        if old is not None and not _may_change(uow, comment):
            raise NotYourComment(_("Only who wrote a comment changes it."))
        if not comment.body.strip():
            needed = _("This is required.")
            raise Invalid(needed, fields={"body": needed})
        ref = Ref(comment.parent_entity, comment.parent_id)
        comment.body = await mentions.checked(uow, comment.body, ref, mentions.people_in(old))
        comment.summary = summary_of(comment.body)


def with_body(actor: Actor) -> sa.ColumnElement[bool]:
    """Return whether a summary may be read: it is the beginning of the body, and hidden with it."""
    return sa.true() if actor.may_see("core.comment", "body") else sa.false()


def summary_of(body: str) -> str:
    """Return the beginning of a comment as a person reads it."""
    line = " ".join(mentions.as_typed(body).split())
    return line if len(line) <= SUMMARY else f"{line[: SUMMARY - 1]}…"


def _before(comment: Comment) -> str | None:
    """Return the stored text, None for a new comment."""
    state: Any = sa.inspect(comment)
    if state.key is None:
        return None
    gone = state.attrs.body.history.deleted
    return str(gone[0]) if gone else comment.body


def _may_change(uow: UnitOfWork, comment: Comment) -> bool:
    actor = uow.actor
    return actor.kind is ActorKind.system or actor.rights.everything or comment.owner_id == actor.user_id


async def copy_owner(uow: UnitOfWork, event: Happened) -> None:
    """Give comments about a record its new owner and team."""
    await about.copy_owner(uow, event, Comment)
