"""Kernel tables without a better home, and the list of all modules with kernel tables."""

from __future__ import annotations

from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model
from crm_core.db.types import Id, Json, UTCDateTime, utcnow

# Every kernel module that declares tables. Features bring theirs through their `plugin.py`.
MODULES = (
    "crm_core.entity.custom_fields",
    "crm_core.entity.event_rows",
    "crm_core.entity.search_index",
    "crm_core.entity.stages",
    "crm_core.entity.tags",
    "crm_core.entity.money",
    "crm_core.auth.people",
    "crm_core.auth.session",
    "crm_core.auth.tokens",
    "crm_core.auth.links",
    "crm_core.auth.attempts",
    "crm_core.jobs.tables",
)


class Epoch(Model):
    """A counter raised in the transaction that makes cached values stale; read with each session look-up."""

    __tablename__ = "core_epoch"

    name: Mapped[str] = mapped_column(sa.String(128), primary_key=True)
    value: Mapped[int] = mapped_column(sa.BigInteger, nullable=False, default=1)


NOBODY = UUID(int=0)


class Setting(Model):
    """One settings group as stored. scope: "system" (user_id is NOBODY) or "user"."""

    __tablename__ = "core_setting"

    scope: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(Id(), primary_key=True, default=NOBODY)
    name: Mapped[str] = mapped_column(sa.String(128), primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(Json(), nullable=False)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime(), nullable=False, default=utcnow, onupdate=utcnow)


class PluginRow(Model):
    """A package whose migrations ran here; what is left of a plugin when its code is gone."""

    __tablename__ = "core_plugin"

    name: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    package: Mapped[str] = mapped_column(sa.String(128), nullable=False)
    table_prefix: Mapped[str] = mapped_column(sa.String(64), nullable=False)
    version: Mapped[str] = mapped_column(sa.String(64), nullable=False, default="")
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime(), nullable=False, default=utcnow)


class Idempotency(Model):
    """An answer given under an `Idempotency-Key`; inserted first in the request's transaction, kept 48 hours."""

    __tablename__ = "core_idempotency"

    actor: Mapped[str] = mapped_column(sa.String(128), primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(128), primary_key=True)
    route: Mapped[str] = mapped_column(sa.String(255), nullable=False)
    body_hash: Mapped[str] = mapped_column(sa.String(64), nullable=False)
    status: Mapped[int | None] = mapped_column(sa.Integer)
    answer: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    record_id: Mapped[UUID | None] = mapped_column(Id())  # never filled; goes with the next major release
    at: Mapped[datetime] = mapped_column(UTCDateTime(), nullable=False, default=utcnow, index=True)
    cause: Mapped[UUID | None] = mapped_column(Id())  # of what the request changed; None when it changed nothing


class InboundEvent(Model):
    """An event of another system that was taken in: whoever inserts the row first does its work, see `web.once`."""

    __tablename__ = "core_inbound_event"

    source: Mapped[str] = mapped_column(sa.String(128), primary_key=True)
    event_id: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime(), nullable=False, default=utcnow, index=True)


def import_all() -> None:
    """Import every kernel module with tables, so that the shared metadata is complete."""
    for name in MODULES:
        if find_spec(name) is not None:
            import_module(name)
