"""A record's main link and its list of links with one main row: which of them an event says it is to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from crm_core.entity.inserts import insert_part, send

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork


def alone(event: Happened, child: str, value: Any) -> bool:
    """Return whether a record was made with its main link only: its first row is then simply added."""
    return event.kind == "created" and value is not None and not rows_in(event, child)


async def first_row(uow: UnitOfWork, event: Happened, child: str, values: dict[str, Any]) -> None:
    """Add the first row of a child table as part of the creation of its record: the version stays 1."""
    entity = uow.registry.entity(event.entity or "")
    kind = next(c for c in entity.children if c.name == child)
    row = insert_part(uow, kind.model, {**values, kind.foreign_key: event.record_id})
    told = {n: row[n] for x in kind.fields for n in x.columns}
    assert event.record_id is not None
    uow.demand_write().tell(entity, event.record_id, {f"{child}.{row['id']}": told})
    await send(uow)  # the answer to the request reads it back


def rows_in(event: Happened, child: str) -> list[tuple[dict[str, Any] | None, dict[str, Any] | None]]:
    """Return (before, after) of each row of a child table that an event tells of; None where it was not there."""
    names = sorted(n for n in event.changed if n.startswith(f"{child}."))
    return [(event.before.get(n), event.after.get(n)) for n in names]


def chosen(event: Happened, child: str, link: str) -> set[UUID]:
    """Return what rows of a child table newly link to."""
    found = {
        after[link] for before, after in rows_in(event, child) if after and (not before or before[link] != after[link])
    }
    return {key for key in found if key is not None}


def main_of(event: Happened, child: str, link: str, now: UUID | None, rows: Sequence[Any]) -> UUID | None:
    """Return what the main link is to be after an event.

    now: the record's own link; rows: the child rows as they are. A link that was changed wins, then a row that was
    newly marked as main; otherwise the row that is main already, or the only row there is.
    """
    if link in event.changed and (now is not None or not _marked(event, child)):
        return now
    marked = [a[link] for a in _marked(event, child) if any(getattr(r, link) == a[link] for r in rows)]
    if marked:
        first: UUID = marked[0]
        return first
    still: list[UUID] = [getattr(r, link) for r in rows if r.is_primary]
    if still:
        return now if now in still else still[0]
    if now is None and len(rows) == 1 and any(not before for before, _after in rows_in(event, child)):
        only: UUID = getattr(rows[0], link)
        return only
    return None


def _marked(event: Happened, child: str) -> list[dict[str, Any]]:
    return [
        after
        for before, after in rows_in(event, child)
        if after and after["is_primary"] and (not before or not before["is_primary"])
    ]
