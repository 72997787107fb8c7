"""Comments: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.comments import demo, entities, listeners, pages, rest
from crm_core.plugin import DemoData, Entity, Listener, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.COMMENT,)


@hookimpl
def crm_routes() -> Sequence[type]:
    return (pages.CommentPages, rest.MentionsApi)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(
            place="record.panels", label=_("Comments"), src="/comments/panel?of={entity}:{id}",
            permission="core.comment.read", order=10,
        ),
    )  # fmt: skip


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return listeners.LISTENERS


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return (DemoData("comments", demo.load, after=("activities",)),)
