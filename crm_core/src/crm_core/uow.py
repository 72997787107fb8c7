"""The unit of work: the one object that handlers, actions and jobs get, and the one that commits.

Application code emits, enqueues and changes records; it never commits. Raise to undo.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.auth.actor import Actor
from crm_core.db.tables import NOBODY, Epoch, Setting
from crm_core.db.types import new_id, utcnow
from crm_core.entity import custom_values, inserts, tail
from crm_core.entity.changes import Changes, Happened, watch
from crm_core.entity.custom_fields import EPOCH
from crm_core.errors import Conflict, Invalid
from crm_core.i18n import Strings
from crm_core.live import CHECK, Message
from crm_core.plugin.declare import Event, JobCall, Ref

if TYPE_CHECKING:
    from crm_core.db.engine import Database
    from crm_core.entity.query import Query
    from crm_core.kernel import Kernel

_ = Strings("crm_core")
S = TypeVar("S", bound=msgspec.Struct)
ROUNDS = 8


class ListenersDoNotSettle(RuntimeError):
    """Listeners kept changing records after eight rounds."""


class ReadOnly(RuntimeError):
    """A reading request tried to change something; use another verb or `writes=True`."""


class RecordChanged(Conflict):
    """Somebody else changed the record since it was read."""


class ValueTaken(Conflict):
    """A value that must be unique is in use."""


class LinkedRecordMissing(Invalid):
    """A link names a record that does not exist."""


class UnitOfWork:
    """One transaction's context: session, actor, emit, enqueue, settings, locale and time.

    now: aware UTC, fixed when the unit of work began. cause: groups all its events.
    """

    def __init__(
        self,
        kernel: Kernel,
        session: AsyncSession | None,
        actor: Actor,
        *,
        readonly: bool,
        cause: UUID | None = None,
        locale: str | None = None,
    ) -> None:
        self.kernel = kernel
        self.registry = kernel.registry  # as it is now: custom fields that change meanwhile do not concern this one
        self.made = session  # None until a reading unit of work needs one: hot lists use the driver alone
        self.actor = actor
        self.readonly = readonly
        self.cause = cause or new_id()
        self.locale = locale or actor.locale
        self.zone = actor.zone
        self.now: datetime = utcnow()
        self.emitted: list[Happened] = []
        self.jobs: list[dict[str, Any]] = []
        self.inserts: list[tuple[Any, Any]] = []
        self.heard: int = 0
        self.after: list[Any] = []
        self.duplicates = ""  # "warn" or "refuse" for a caller who wants to hear that a new record may be there
        self.found_duplicates: list[Any] = []
        self.changes: Changes | None = (
            None if readonly else watch(self.session.sync_session, kernel.registry, kernel.parts)
        )

    @property
    def session(self) -> AsyncSession:
        """Return the session, made at its first use."""
        if self.made is None:
            self.made = self.kernel.db.session(readonly=self.readonly)
        return self.made

    @property
    def db(self) -> Database:
        """Return the database this unit of work talks to."""
        return self.kernel.db

    def demand_write(self) -> Changes:
        """Return the change collector; ReadOnly in a reading request."""
        if self.changes is None:
            raise ReadOnly("this request only reads")
        return self.changes

    @property
    def has_changes(self) -> bool:
        """Return whether records changed so far in what was settled."""
        return self.changes is not None and any(True for _change in self.changes.events())

    @property
    def has_effects(self) -> bool:
        """Return whether anything settled stands under the cause: an event, a job, a changed record."""
        return bool(self.emitted or self.jobs) or self.has_changes

    async def emit(self, event: Event, *, about: Sequence[Ref] = ()) -> UUID:
        """Write an event in this transaction; it appears on the timelines of `about`, the first being its record."""
        self.demand_write()
        kind = self.registry.events[type(event)]
        refs = tuple((r.entity, r.id) for r in about)
        first = refs[0] if refs else (None, None)
        happened = Happened(
            new_id(), kind.name, self.now, self.actor.label, self.cause, first[0], first[1], event=event, refs=refs
        )
        self.emitted.append(happened)
        return happened.id

    async def enqueue(
        self, call: JobCall, *, run_at: datetime | None = None, key: str | None = None, lane: str | None = None
    ) -> UUID:
        """Write a job in this transaction.

        `key`: one unfinished job at a time, one for ever with "once:". `lane`: one running at a time.
        """
        from crm_core.jobs.calls import job_row

        self.demand_write()
        row = job_row(
            self.registry, call, now=self.now, run_at=run_at, key=key, lane=lane, actor=self.actor, cause=self.cause
        )
        self.jobs.append(row)
        return row["id"]  # type: ignore[no-any-return]  # a column dict

    async def cancel(self, key: str) -> None:
        """Cancel the unfinished job of this key: a waiting one ends, a running one is asked to stop."""
        from crm_core.jobs import rows

        self.demand_write()
        await rows.cancel(self, key)

    async def schedule(self, key: str, call: JobCall, cron: str, zone: str = "UTC") -> None:
        """Make or change a schedule owned by code: the call is enqueued at each tick of `cron` in `zone`."""
        from crm_core.jobs import schedules

        self.demand_write()
        await schedules.put(self, key, call, cron, zone)

    async def unschedule(self, key: str) -> None:
        """Remove a schedule; nothing happens when there is none."""
        from crm_core.jobs import schedules

        self.demand_write()
        await schedules.remove(self, key)

    async def rows(self, query: Query, params: dict[str, Any], struct: type[S]) -> list[S]:
        """Run a prepared query on the driver and return structs; see `entity/query.py`."""
        return await query.run(self, params, struct)

    async def settings(self, group: type[S]) -> S:
        """Return typed settings; stored values over the struct's defaults, unknown keys ignored."""
        declared = self.kernel.settings_group(group)
        user = self.actor.user_id if declared.scope == "user" else None
        cache, stamp = self.kernel.settings_cache, self.kernel.epochs.get("settings")
        found = cache.get((declared.name, user))
        if found is not None and stamp is not None and found[0] == stamp:
            return found[1]  # type: ignore[no-any-return]  # stored under its own struct's name
        row = await self.session.scalar(_stored(declared.name, user))
        value = msgspec.convert(row or {}, group, strict=False)
        if stamp is not None:
            cache[declared.name, user] = (stamp, value)
        return value

    async def save_settings(self, value: msgspec.Struct) -> None:
        """Store settings and raise the epoch that drops every process's copy; Invalid if their group refuses them."""
        self.demand_write()
        declared = self.kernel.settings_group(type(value))
        if declared.validate is not None:
            await declared.validate(self, await self.settings(type(value)), value)
        user = self.actor.user_id if declared.scope == "user" else None
        plain = msgspec.to_builtins(value)
        changed = await self.session.execute(
            sa.update(Setting).where(*_key(declared.name, user)).values(value=plain, updated_at=self.now)
        )
        if not changed.rowcount:  # type: ignore[attr-defined]  # a cursor result
            scope = "system" if user is None else "user"
            self.session.add(Setting(scope=scope, user_id=user or NOBODY, name=declared.name, value=plain))
        await self.raise_epoch("settings")

    async def raise_epoch(self, name: str) -> None:
        """Tell every process, in this transaction, that what it cached under `name` is old."""
        self.demand_write()
        made: Any = sqlite.insert if self.db.dialect == "sqlite" else postgresql.insert
        raised = {"value": Epoch.value + 1}
        row = made(Epoch.__table__).values(name=name, value=1)
        at = await self.session.scalar(
            row.on_conflict_do_update(index_elements=["name"], set_=raised).returning(Epoch.value)
        )
        if name == EPOCH:  # this process may see no credential again that would tell it
            self.after_commit(lambda: self.kernel.epochs.update({name: at}))
        if name == "people":
            self.after_commit(lambda: self.kernel.live.publish(Message(CHECK)))

    def after_commit(self, run: Any) -> None:
        """Call `run()` (plain function) after the commit; for waking and publishing, never for effects."""
        self.after.append(run)

    async def settle(self) -> None:
        """Flush, collect record events, run in-transaction listeners, until nothing changes."""
        if self.changes is not None:
            await inserts.send(self)
            await self._settle()

    async def _settle(self) -> None:
        """Settle; rows of new records may wait for the last trip unless a listener could ask for them."""
        if self.changes is None:
            return
        for _round in range(ROUNDS):
            if self.session.new or self.session.dirty or self.session.deleted:
                await inserts.send(self)
                await self.session.flush()
            heard, self.heard = self.emitted[self.heard :], len(self.emitted)
            taken = self.changes.take()
            if self.registry.custom and taken:
                await custom_values.store(self, taken)
            delta = [tail.happened(self, c) for c in taken] + heard
            if not delta:
                return
            for event in delta:
                for listener in self.registry.listeners_of(event.name):
                    if not listener.after_commit and tail.wanted(listener, event):
                        if listener.asks:
                            await inserts.send(self)
                        await listener.run(self, event)
        raise ListenersDoNotSettle(f"listeners still change records after {ROUNDS} rounds")

    @asynccontextmanager
    async def savepoint(self) -> AsyncGenerator[None]:
        """Do a part that may fail alone: an error undoes it, its events and its jobs, and nothing else."""
        changes = self.demand_write()
        await self.settle()
        self.session.sync_session.info["hold"].mark()  # a savepoint on the read engine would be none
        kept, emitted, jobs = changes.snapshot(), len(self.emitted), len(self.jobs)
        try:
            async with self.session.begin_nested():
                yield
                await self.settle()
        except BaseException:
            changes.back_to(kept)
            del self.emitted[emitted:], self.jobs[jobs:]
            self.heard, self.inserts = emitted, []
            raise

    async def finish(self) -> None:
        """Settle, write events, search and job rows, commit. Only the kernel and the job runner call this."""
        await self._settle()
        await tail.write(self)
        if self.jobs:
            self.kernel.wake.set()
        for run in self.after:
            run()


def _key(name: str, user: UUID | None) -> tuple[sa.ColumnElement[bool], ...]:
    scope = "system" if user is None else "user"
    return (Setting.scope == scope, Setting.user_id == (user or NOBODY), Setting.name == name)


def _stored(name: str, user: UUID | None) -> sa.Select[tuple[dict[str, Any]]]:
    return sa.select(Setting.value).where(*_key(name, user))
