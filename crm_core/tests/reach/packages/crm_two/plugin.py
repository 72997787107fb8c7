"""Two sinks."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.plugin import EventSink, hookimpl

from crm_two.outside import ONE, TWO


@hookimpl
def crm_event_sinks() -> Sequence[EventSink]:
    return (EventSink("two.one", ONE.send, batch=3), EventSink("two.two", TWO.send, batch=3))
