"""What happens to pools beside being edited."""

from __future__ import annotations

from uuid import UUID

from crm_core.plugin import Event, EventType, Strings

_ = Strings("crm_core")


class PoolWasEmpty(Event, frozen=True, kw_only=True):
    """Nobody of a pool could take a record. user_id: the fallback that has it now, None for nobody."""

    pool_id: UUID
    pool: str
    user_id: UUID | None = None


EVENT_TYPES = (
    EventType(
        struct=PoolWasEmpty, name="core.assignment.pool_was_empty", label=_("Nobody could take it"), personal=(),
        icon="alert-triangle",
    ),
)  # fmt: skip
