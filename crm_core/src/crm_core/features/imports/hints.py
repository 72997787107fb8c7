"""Which of the first rows of a file may be records that are there already: hints, which keep no row out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from crm_core.entity.folding import fold
from crm_core.features.duplicates.public import Candidate, find_duplicates
from crm_core.features.imports.links import matching
from crm_core.features.imports.plan import Plan
from crm_core.features.imports.schemas import MaybeThere

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

SAMPLE = 10  # rows: two short queries each
NAMED = 3  # records a row


async def told(uow: UnitOfWork, plan: Plan, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of a preview with "duplicates": what each of the first may be, likeliest first, as far as readable.

    The record that a row is going to update is not among them.
    """
    found = await _found(uow, plan, rows[:SAMPLE])
    return [{**row, "duplicates": found.get(row["row"], [])} for row in rows]


async def listed(uow: UnitOfWork, plan: Plan, rows: Sequence[dict[str, Any]]) -> list[MaybeThere]:
    """Return the same for the report of a dry run: only the rows that have any."""
    return [MaybeThere(row, some) for row, some in (await _found(uow, plan, rows[:SAMPLE])).items() if some]


async def _found(uow: UnitOfWork, plan: Plan, rows: Sequence[Mapping[str, Any]]) -> dict[int, list[Candidate]]:
    if not plan.entity.mergeable or plan.mode == "update":
        return {}
    own = await _updated(uow, plan, rows)
    found: dict[int, list[Candidate]] = {}
    for row in rows:
        mine = {key} if isinstance(key := own.get(fold(row["match"])), UUID) else set()
        found[row["row"]] = (await find_duplicates(uow, plan.entity, row["values"], exclude=mine))[:NAMED]
    return found


async def _updated(uow: UnitOfWork, plan: Plan, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    if not plan.match or plan.mode == "create":
        return {}
    return await matching(uow, plan.entity, plan.match, [row["match"] for row in rows])
