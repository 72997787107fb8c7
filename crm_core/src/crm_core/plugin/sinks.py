"""What an event sink gets: committed events in the order of the numbers that the dispatcher gave them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, overload
from uuid import UUID

import msgspec

if TYPE_CHECKING:
    from crm_core.kernel import Kernel


class SinkEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event; `msgspec.json.encode(event)` is its JSON. position: grows, with gaps; a copy has the same.

    actor: "user:<id>", "system:<name>", …; cause: what groups the events of one undertaking. payload: before and
    after of a record, the fields of any other event; null when it was cleaned away. about: the records
    ("entity:id") on whose timelines it stands.
    """

    position: int
    id: UUID
    type: str
    at: datetime
    entity: str | None
    record_id: UUID | None
    actor: str
    cause: UUID
    payload: dict[str, Any] | None
    about: list[str]


@dataclass(frozen=True, slots=True)
class EventBatch(Sequence[SinkEvent]):
    """The events of one call, lowest position first, and the kernel for sinks that need settings or the database."""

    events: tuple[SinkEvent, ...]
    kernel: Kernel

    @overload
    def __getitem__(self, index: int) -> SinkEvent: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[SinkEvent]: ...

    def __getitem__(self, index: int | slice) -> SinkEvent | Sequence[SinkEvent]:
        return self.events[index]

    def __len__(self) -> int:
        return len(self.events)

    def __iter__(self) -> Iterator[SinkEvent]:
        return iter(self.events)
