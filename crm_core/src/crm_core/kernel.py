"""One running CRM: configuration, registry, database, and the way to begin a unit of work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec

from crm_core.auth.actor import Actor
from crm_core.auth.seen import seen
from crm_core.auth.viewing import only_viewing
from crm_core.blobs import BlobStore
from crm_core.config import Config
from crm_core.counts import Requests
from crm_core.db.engine import Database
from crm_core.entity import custom_fields
from crm_core.entity.changes import Parts
from crm_core.limits import Limits
from crm_core.live import Live
from crm_core.plugin import hookspecs
from crm_core.plugin.declare import SettingsGroup
from crm_core.plugin.loader import load
from crm_core.plugin.registry import Registry
from crm_core.transactions import Reading, opened
from crm_core.uow import UnitOfWork


class Kernel:
    """Made once per process by `open_kernel`; closed with `close()`.

    wake: set after a commit that wrote jobs. epochs: the newest values this process has seen.
    declared: what plugins declare; registry: the same with the custom fields of the database.
    """

    def __init__(self, config: Config, registry: Registry, db: Database) -> None:
        self.config = config
        self.declared = self.registry = registry
        self.fields_at: int | None = None  # the epoch of the custom fields in `registry`
        self.db = db
        self.key = config.secret_key.encode()
        self.blobs = blob_store(config)
        self.live = Live(config.redis_url)
        self.limits = Limits(config.redis_url)
        self.requests = Requests()
        self.wake = asyncio.Event()
        self.parts = Parts(registry)
        self.epochs: dict[str, int] = {}
        self.settings_cache: dict[tuple[str, UUID | None], tuple[int, Any]] = {}
        self.caches: dict[str, Any] = {}
        self._groups = {g.struct: g for g in registry.gather(hookspecs.crm_settings)}

    def read(self, actor: Actor, *, locale: str | None = None) -> Reading:
        """Begin a unit of work on the read engine, to be used in `async with`; emit, enqueue and flush raise."""
        return Reading(UnitOfWork(self, None, actor, readonly=True, locale=locale))

    @asynccontextmanager
    async def write(
        self, actor: Actor, *, cause: UUID | None = None, locale: str | None = None
    ) -> AsyncGenerator[UnitOfWork]:
        """Begin a unit of work that commits when the block ends and rolls back when it raises.

        OnlyViewing for an actor who only looks through another user's eyes: whatever the way here, nothing is written.
        """
        if actor.only_reads:
            raise only_viewing(actor)
        await self.know_fields()
        uow = UnitOfWork(self, self.db.session(readonly=False), actor, readonly=False, cause=cause, locale=locale)
        async with opened(uow):
            yield uow

    async def know_fields(self) -> None:
        """Take in the custom fields if they changed since; each unit of work asks, so all processes follow at once."""
        if self.fields_at is not None and self.epochs.get(custom_fields.EPOCH, 0) <= self.fields_at:
            return
        at, custom = await custom_fields.load(self.db, self.declared)
        if at is not None and (self.fields_at is None or at > self.fields_at):
            self.fields_at, self.registry = at, custom_fields.extended(self.declared, custom, at)

    def settings_group(self, struct: type[msgspec.Struct]) -> SettingsGroup:
        """Return the declaration of a settings struct; KeyError if no plugin declared it."""
        return self._groups[struct]

    async def close(self) -> None:
        """Release connections and end live streams; last uses of sessions and tokens are written first."""
        await seen(self).close()
        await self.live.close()
        await self.limits.close()
        await self.db.close()


def blob_store(config: Config) -> BlobStore:
    """Return where uploaded files lie; StartupError for an address that is none."""
    if not config.blobs:
        return BlobStore(config.files)
    from crm_core.blobs_s3 import S3BlobStore

    return S3BlobStore(config.files, config.blobs, config.blobs_access_key, config.blobs_secret_key)


async def open_kernel(
    config: Config, *, extra: Iterable[tuple[str, Any]] = (), registry: Registry | None = None
) -> Kernel:
    """Load plugins and open the database. `extra` are (name, module) plugins given by tests."""
    config = config.prepare()
    registry = registry or load(config, extra)
    return Kernel(config, registry, Database.open(config.database_url, testing=config.testing))
