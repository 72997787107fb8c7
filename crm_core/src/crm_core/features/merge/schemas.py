"""What merging takes and gives."""

from __future__ import annotations

from uuid import UUID

import msgspec


class MergeIn(msgspec.Struct, forbid_unknown_fields=True):
    """Merge `losers` into the record. values: field -> id of the record whose value is kept, in place of the rule.

    The rule: the record's own value, else the first value among the losers. versions: record id -> version as it
    was read; a record that has been changed since is refused.
    """

    losers: list[UUID]
    values: dict[str, UUID] = {}
    versions: dict[UUID, int] = {}


class MergeOut(msgspec.Struct):
    """What a merge did. cause: what undoes it. moved: rows per table."""

    id: UUID
    winner: UUID
    losers: list[UUID]
    cause: UUID
    moved: dict[str, int]


class MergedInto(msgspec.Struct):
    """The answer for a record that was merged: where it is now."""

    merged_into: UUID
