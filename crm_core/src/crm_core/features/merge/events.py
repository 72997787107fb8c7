"""What merging tells."""

from __future__ import annotations

from uuid import UUID

from crm_core.plugin import Event, EventType, Strings

_ = Strings("crm_core")


class RecordsMerged(Event, frozen=True, kw_only=True):
    """Records were merged into one."""

    merge_id: UUID
    entity: str
    winner_id: UUID
    loser_ids: list[UUID]


class MergeUndone(Event, frozen=True, kw_only=True):
    """A merge was taken apart again."""

    merge_id: UUID
    entity: str
    winner_id: UUID
    loser_ids: list[UUID]


EVENT_TYPES = (
    EventType(struct=RecordsMerged, name="core.merge.made", label=_("Records merged"), personal=(), icon="arrows-join"),
    EventType(struct=MergeUndone, name="core.merge.undone", label=_("Merge undone"), personal=(), icon="arrows-split"),
)
