"""What administrators do with event sinks."""

from __future__ import annotations

from crm_core.plugin import Event, EventType, Strings

_ = Strings("crm_core")


class SinkPaused(Event, frozen=True, kw_only=True):
    """Nothing leaves by this sink until it is resumed."""

    sink: str


class SinkResumed(Event, frozen=True, kw_only=True):
    """Events leave by this sink again, those that waited first."""

    sink: str


class SinkEventSkipped(Event, frozen=True, kw_only=True):
    """One event was passed over: this sink will not send it."""

    sink: str
    position: int


EVENT_TYPES = (
    EventType(struct=SinkPaused, name="core.sink.paused", label=_("paused an event sink"), icon="player-pause",
              personal=()),
    EventType(struct=SinkResumed, name="core.sink.resumed", label=_("resumed an event sink"), icon="player-play",
              personal=()),
    EventType(struct=SinkEventSkipped, name="core.sink.event_skipped", label=_("skipped an event of a sink"),
              icon="player-skip-forward", personal=()),
)  # fmt: skip
