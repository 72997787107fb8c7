"""Who hears of a comment: those named in it, and those who follow the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.entity import about
from crm_core.features.comments import mentions, rules
from crm_core.features.followers.public import follow_by_itself, recipients
from crm_core.features.notifications.public import notify
from crm_core.plugin import Listener, Ref, Strings

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.features.comments.models import Comment
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


async def written(uow: UnitOfWork, event: Happened) -> None:
    """Tell the people named and the followers; whoever comments follows from now on, if they like."""
    comment: Comment | None = event.record
    entity = uow.registry.entities.get(comment.parent_entity) if comment is not None else None
    if comment is None or entity is None:
        return
    ref = Ref(comment.parent_entity, comment.parent_id)
    note = comment.summary or ""
    named = mentions.people_in(comment.body)
    text = _("You were mentioned: {what}", what=entity.label)
    await notify(uow, named, "core.mention", ref, text, note=note)
    owner = await uow.session.scalar(sa.select(entity.model.owner_id).where(entity.model.id == ref.id))
    people = (await recipients(uow, ref.entity, {ref.id: owner}))[ref.id]
    await notify(uow, people, "core.comment", ref, _("New comment: {what}", what=entity.label), note=note)
    await follow_by_itself(uow, ref.entity, ref.id, "commented")


async def changed(uow: UnitOfWork, event: Happened) -> None:
    """Tell those whom a changed comment names and did not name before."""
    comment: Comment | None = event.record
    if comment is None or "body" not in event.before:
        return
    entity = uow.registry.entities.get(comment.parent_entity)
    new = set(mentions.people_in(comment.body)) - set(mentions.people_in(event.before["body"]))
    if entity is not None and new:
        text = _("You were mentioned: {what}", what=entity.label)
        ref = Ref(comment.parent_entity, comment.parent_id)
        await notify(uow, new, "core.mention", ref, text, note=comment.summary or "")


LISTENERS = (
    Listener(event="*", run=rules.copy_owner, name="core.comment_owner", wants=about.changes_owner),
    Listener(event="core.comment.created", run=written, name="core.comment_written"),
    Listener(event="core.comment.updated", run=changed, name="core.comment_changed", fields=("body",)),
)
