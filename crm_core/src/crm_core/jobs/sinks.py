"""Lets events leave the system: each sink reads them by the dispatcher's number and has a position of its own.

One process at a time feeds a sink, the holder of the office "sink:<name>". The position moves after `send` has
returned, so a process that dies in between sends its last events again: each event at least once, in order.
A sink that fails is tried again later and later; the others go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from crm_core.auth.actor import system
from crm_core.db.tables import Epoch
from crm_core.db.types import utcnow
from crm_core.entity.event_rows import EventData, EventPosition, EventRef, EventRow, EventText
from crm_core.jobs import offices
from crm_core.jobs.loops import cancelled
from crm_core.jobs.tables import SINKS
from crm_core.plugin import hookspecs
from crm_core.plugin.sinks import EventBatch, SinkEvent

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from crm_core.kernel import Kernel
    from crm_core.plugin.operating import EventSink

log = logging.getLogger(__name__)

RUNNING, PAUSED = "running", "paused"
LOOK_SECONDS = 1.0
FIRST_WAIT, LONGEST_WAIT = 2.0, 300.0
LONGEST_ERROR = 2000
ACTOR = system("sinks")

sink_row = SINKS.c
event, data, ref, position, text = (
    model.__table__.c for model in (EventRow, EventData, EventRef, EventPosition, EventText)
)
NEWEST = sa.select(sa.func.coalesce(sa.func.max(position.position), 0))


class OfficeLost(RuntimeError):
    """Another process feeds the sink by now; what it sends again is a copy."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sink is: position of the last event that is outside, and of the newest there is."""

    position: int
    newest: int
    state: str = RUNNING
    attempts: int = 0
    retry_at: datetime | None = None

    def due(self, now: datetime) -> bool:
        """Return whether there is something to send now."""
        waits = self.retry_at is not None and self.retry_at > now
        return self.state == RUNNING and self.position < self.newest and not waits


class Sinks:
    """Feeds all sinks of the loaded plugins; one per process with a job loop, several processes are safe."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.id: UUID = uuid4()
        self.sinks = {s.name: s for s in kernel.registry.gather(hookspecs.crm_event_sinks)}
        self.busy: dict[str, asyncio.Task[None]] = {}
        self.lease = kernel.config.job_lease

    async def run(self) -> None:
        """Look for events and send them until cancelled."""
        broken = False
        try:
            while self.sinks and not cancelled():
                try:
                    await self.look()
                    broken = False
                except Exception as error:  # noqa: BLE001 - the database is away: try again
                    if not broken:
                        log.warning("event sinks: %s", error)
                    broken = True
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await self._wind_down()

    async def _wind_down(self) -> None:
        for task in self.busy.values():
            task.cancel()
        await asyncio.gather(*self.busy.values(), return_exceptions=True)
        with contextlib.suppress(Exception):  # the lease ends by itself
            async with self.kernel.db.write.begin() as connection:
                for name in self.sinks:
                    await offices.leave(connection, _office(name), self.id)

    async def look(self) -> None:
        """Begin to feed every sink that has something waiting."""
        places = await places_of(self.kernel)
        for name, sink in self.sinks.items():
            if name in self.busy:
                continue
            place = places.get(name)
            if place is None:
                await self._first(name)
            elif place.due(utcnow()):
                task = self.busy[name] = asyncio.create_task(self._feed(sink))
                task.add_done_callback(partial(self._fed, name))

    def _fed(self, name: str, _task: asyncio.Task[None]) -> None:
        self.busy.pop(name, None)

    async def _first(self, name: str) -> None:
        insert = (postgresql if self.kernel.db.dialect == "postgresql" else sqlite).insert(SINKS)
        async with self.kernel.db.write.begin() as connection:
            row = {"name": name, "position": await connection.scalar(NEWEST), "updated_at": utcnow()}
            await connection.execute(insert.values(state=RUNNING, attempts=0, error="", **row).on_conflict_do_nothing())

    async def _feed(self, sink: EventSink) -> None:
        try:
            while not cancelled() and await self.step(sink):
                pass
        except Exception as error:  # noqa: BLE001 - the database is away: the next look tries again
            log.warning("event sink %s: %s", sink.name, error)

    async def step(self, sink: EventSink) -> bool:
        """Send one batch of a sink; return whether more may wait. False while another process feeds it."""
        async with self.kernel.db.write.begin() as connection:
            if not await offices.hold(connection, _office(sink.name), self.id, self.lease):
                return False
            place = (await _places(connection)).get(sink.name)  # after the lock: the last holder may have moved it
        if place is None or not place.due(utcnow()):
            return False
        try:
            if sink.active is not None and not await self._active(sink):
                return await self._moved(sink, place, place.newest) and False
            # After a failure one by one, so that the event a sink cannot take is alone at the front.
            events = await load(self.kernel, place.position, 1 if place.attempts else sink.batch)
            if not events:
                return await self._moved(sink, place, place.newest) and False
            await self._send(sink, EventBatch(events, self.kernel))
        except OfficeLost as lost:
            log.warning("event sink %s: %s", sink.name, lost)
            return False
        except Exception as error:  # noqa: BLE001 - a sink may fail in any way; its row tells
            await self._failed(sink, place, error)
            return False
        return await self._moved(sink, place, events[-1].position)

    async def _active(self, sink: EventSink) -> bool:
        async with self.kernel.read(ACTOR) as uow:
            # This process may serve no requests, by which others learn that settings have changed.
            self.kernel.epochs.update(
                {row[0]: row[1] for row in await uow.session.execute(sa.select(Epoch.name, Epoch.value))}
            )
            return await sink.active(uow) if sink.active is not None else True

    async def _send(self, sink: EventSink, batch: EventBatch) -> None:
        """Call the sink, keeping the office meanwhile; OfficeLost when another process has taken it."""
        task: asyncio.Future[None] = asyncio.ensure_future(sink.send(batch))
        try:
            async with asyncio.timeout(sink.time_limit):
                while not (await asyncio.wait({task}, timeout=self.lease / 3))[0]:
                    async with self.kernel.db.write.begin() as connection:
                        if not await offices.hold(connection, _office(sink.name), self.id, self.lease):
                            raise OfficeLost("another process feeds it by now")
                task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _moved(self, sink: EventSink, place: Place, to: int) -> bool:
        """Store that everything up to a position is outside; False when the office or the place is another's."""
        values: dict[str, Any] = {"position": to, "attempts": 0, "error": "", "retry_at": None}
        return await self._store(sink, place, values)

    async def _failed(self, sink: EventSink, place: Place, error: Exception) -> None:
        log.warning("event sink %s after %s: %r", sink.name, place.position, error)
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(place.attempts, 20))
        told = f"{type(error).__name__}: {error}"[:LONGEST_ERROR].replace("\0", "")
        retry_at = utcnow() + timedelta(seconds=wait)
        await self._store(sink, place, {"attempts": place.attempts + 1, "error": told, "retry_at": retry_at})

    async def _store(self, sink: EventSink, place: Place, values: dict[str, Any]) -> bool:
        async with self.kernel.db.write.begin() as connection:
            if not await offices.hold(connection, _office(sink.name), self.id, self.lease):
                return False
            mine = (sink_row.name == sink.name, sink_row.position == place.position)
            done = await connection.execute(sa.update(SINKS).where(*mine).values(**values, updated_at=utcnow()))
        return done.rowcount == 1


def _office(name: str) -> str:
    return f"sink:{name}"[:64]


async def places_of(kernel: Kernel) -> dict[str, Place]:
    """Return where the sinks are, those of absent plugins included."""
    async with kernel.db.read.connect() as connection:
        return await _places(connection)


async def _places(connection: AsyncConnection) -> dict[str, Place]:
    columns = (sink_row.name, sink_row.position, sink_row.state, sink_row.attempts, sink_row.retry_at)
    found = await connection.execute(sa.select(*columns, NEWEST.scalar_subquery()))
    return {name: Place(at, newest, *rest) for name, at, *rest, newest in found}


async def load(kernel: Kernel, after: int, limit: int) -> tuple[SinkEvent, ...]:
    """Return events with a number above `after`, lowest first."""
    columns = (event.id, event.type, event.at, event.entity, event.record_id, event.actor, event.cause, data.payload)
    wanted = (
        sa.select(position.position, *columns)
        .join_from(EventPosition, EventRow, event.id == position.event_id)
        .outerjoin(EventData, data.event_id == event.id)
        .where(position.position > after)
        .order_by(position.position)
        .limit(limit)
    )
    async with kernel.db.read.connect() as connection:
        rows = (await connection.execute(wanted)).all()
        ids = [row.id for row in rows]
        about: dict[UUID, list[str]] = {}
        refs = sa.select(ref.event_id, ref.entity, ref.record_id).where(ref.event_id.in_(ids))
        for event_id, entity, record_id in await connection.execute(refs):
            about.setdefault(event_id, []).append(f"{entity}:{record_id}")
        texts = await _texts(connection, [row.payload for row in rows])
    return tuple(
        SinkEvent(**{**row._mapping, "payload": _whole(row.payload, texts)}, about=sorted(about.get(row.id, ())))  # noqa: SLF001 - SQLAlchemy's own name
        for row in rows
    )


def _kept(value: Any) -> str:
    """Return the hash under which a long text is kept, "" for any other value."""
    return value["text"] if isinstance(value, dict) and set(value) == {"text", "start"} else ""


async def _texts(connection: AsyncConnection, payloads: list[Any]) -> dict[str, str]:
    sides = [(payload or {}).get(side) for payload in payloads for side in ("before", "after")]
    wanted = {key for side in sides if isinstance(side, dict) for value in side.values() if (key := _kept(value))}
    if not wanted:
        return {}
    found = await connection.execute(sa.select(text.hash, text.text).where(text.hash.in_(wanted)))
    return {row.hash: row.text for row in found}


def _whole(payload: Any, texts: dict[str, str]) -> Any:
    """Return a payload with long texts put back from where they are kept."""
    if not texts or not isinstance(payload, dict):
        return payload
    return {
        side: {k: texts.get(_kept(v), v) if _kept(v) else v for k, v in values.items()}
        if side in ("before", "after") and isinstance(values, dict)
        else values
        for side, values in payload.items()
    }
