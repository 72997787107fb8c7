"""What a plugin declares for whoever runs the CRM: sample data, checks, retention, commands, ways out of the system."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from crm_core.i18n import Text

if TYPE_CHECKING:
    import click

    from crm_core.plugin.sinks import EventBatch
    from crm_core.uow import UnitOfWork


@dataclass(frozen=True, slots=True)
class DemoData:
    """Sample data: `load(uow, as_of)`; `after` names other packages' demo data it builds on."""

    name: str
    load: Callable[[UnitOfWork, date], Awaitable[None]]
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """A kind of thing that is deleted when it is older than the settings say; `days` is proposed, 0 for ever.

    count(uow, before) -> int for a dry run; delete(uow, before, limit) -> int deletes at most
    `limit` and says how many.
    """

    name: str
    label: Text
    days: int
    count: Callable[[UnitOfWork, datetime], Awaitable[int]]
    delete: Callable[[UnitOfWork, datetime, int], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Check:
    """A health check for `crm doctor` and, unless `ready` is False, for `/ready`.

    run(uow) returns a word on how it is, or None; it raises `Concern` for what should be looked at and anything
    else for what is wrong.
    """

    name: str
    run: Callable[[UnitOfWork], Awaitable[str | None]]
    ready: bool = True


@dataclass(frozen=True, slots=True)
class Command:
    """A click command added below `crm`."""

    command: click.Command


@dataclass(frozen=True, slots=True)
class MailTransport:
    """A way to send system mail: `send(outgoing)`, see `Outgoing` in features/mail/transports.py."""

    name: str
    send: Callable[..., Awaitable[None]]
    reserves: bool = False  # awaits `outgoing.reserve()` itself, right before what cannot be undone


@dataclass(frozen=True, slots=True)
class ConnectionScope:
    """OAuth2 scopes a plugin asks for at a provider."""

    provider: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventSink:
    """Takes events out of the system in dispatcher order: `send(events)` at least once.

    send: async (batch of `SinkEvent`, an `EventBatch`); what it raises is kept as the sink's error and the same
    events come again later, so it must stand repetition. It returns when the events are safe outside. active: async
    (uow) -> whether anybody wants events now; while nobody does, they are passed over. batch: events at once.
    time_limit: seconds for one call. A new sink begins with the events that come after its first start.
    """

    name: str
    send: Callable[[EventBatch], Awaitable[None]]
    active: Callable[[UnitOfWork], Awaitable[bool]] | None = None
    batch: int = 500
    time_limit: float = 60.0
