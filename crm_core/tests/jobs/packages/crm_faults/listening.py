"""A plugin with one event and one after-commit listener; `HEARD` holds what it was called with."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.entity.changes import Happened
from crm_core.jobs.context import JobContext
from crm_core.plugin import Event, EventType, Listener, Strings, hookimpl

_ = Strings("crm_faults")
HEARD: list[list[Happened]] = []


class Rang(Event, frozen=True, kw_only=True):
    """A bell rang."""

    loud: int


async def hear(job: JobContext, events: list[Happened]) -> None:
    HEARD.append(events)
    async with job.transaction() as uow:
        await job.finish(uow)


def is_loud(happened: Happened) -> bool:
    return isinstance(happened.event, Rang) and happened.event.loud > 1


@hookimpl
def crm_events() -> Sequence[EventType]:
    return (EventType(struct=Rang, name="faults.bell.rang", label=_("Rang"), personal=()),)


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return (Listener(event="faults.bell.rang", run=hear, name="faults.hear", after_commit=True, wants=is_loud),)
