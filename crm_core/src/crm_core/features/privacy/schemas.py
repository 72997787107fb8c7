"""What privacy takes, answers and enqueues."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from crm_core.plugin import Event, JobCall


class Erase(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Why the person is erased; kept in the receipt, so it must not name the person."""

    reason: str = ""


class ErasureStarted(msgspec.Struct, frozen=True):
    """The receipt of an erasure that has begun."""

    erasure_id: UUID


class ErasureOut(msgspec.Struct, frozen=True):
    """A receipt. counts: rows by table. kept: what stayed, with the reason. ended_at: None while it runs."""

    id: UUID
    entity: str
    record_id: UUID
    reason: str
    counts: dict[str, Any]
    kept: dict[str, Any]
    created_at: datetime
    ended_at: datetime | None


class Erasures(msgspec.Struct, frozen=True):
    """Receipts, the newest first."""

    items: list[ErasureOut]


class EraseLeft(msgspec.Struct):
    """What an erasure still has to do, sealed in its row: a kill in the middle loses nothing.

    rows: ids of the person's records by entity. values: the person's own words, searched for in every table.
    others: records of others with the same name, address or number, which keep it.
    """

    rows: dict[str, list[UUID]]
    values: list[str]
    blobs: list[str]
    others: list[str] = []


class ErasePerson(JobCall, frozen=True):
    """Erases what a receipt names; may run again."""

    erasure_id: UUID


class ReapplyErasures(JobCall, frozen=True):
    """Begins again the erasures whose persons came back with a backup."""


class PersonErased(Event, frozen=True):
    """A person was erased. counts: rows by table."""

    erasure_id: UUID
    counts: dict[str, int]
