"""What duplicates are told and asked with."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from crm_core.plugin import JobCall


class Reason(msgspec.Struct):
    """Why two records may be the same. kind: "email", "phone", "domain", "name", "similar_name" or "company".

    value: what both have; for names how alike they are, 0 to 100.
    """

    kind: str
    value: str


class Candidate(msgspec.Struct):
    """A record that may be the same as the one in hand. score: 0 to 100."""

    id: UUID
    title: str
    score: int
    reasons: list[Reason]


class Candidates(msgspec.Struct):
    """Best first."""

    items: list[Candidate]


class DuplicatesIn(msgspec.Struct, forbid_unknown_fields=True):
    """The values of a record that is to be made, as the API takes them. exclude: a record that does not count."""

    values: dict[str, Any]
    exclude: UUID | None = None


class Side(msgspec.Struct):
    """One record of a pair."""

    id: UUID
    title: str


class Pair(msgspec.Struct):
    """Two records that may be the same."""

    entity: str
    first: Side
    second: Side
    score: int
    reasons: list[Reason]


class Pairs(msgspec.Struct):
    """Best first. more: there are pairs beyond those shown."""

    items: list[Pair]
    more: bool


class DismissIn(msgspec.Struct, forbid_unknown_fields=True):
    """Two records that are not the same."""

    entity: str
    first: UUID
    second: UUID


class SearchStarted(msgspec.Struct):
    """The job that looks through all records."""

    job: UUID


class FindDuplicates(JobCall, frozen=True, kw_only=True):
    """Look for pairs among all records; entity "" for every kind."""

    entity: str = ""
