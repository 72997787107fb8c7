"""The history of a record by API: who changed what and when, with the cause that undo takes.

No `from __future__ import annotations` here: handlers are made in a loop and Litestar reads real types.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.entity import query
from crm_core.entity.history import whole
from crm_core.plugin.declare import Entity
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork
from crm_core.web.record_pages import live_or_trashed
from crm_core.web.timeline import UNDONE, Gathered, gather
from crm_core.web.views import parent_of

Uow = NamedDependency[UnitOfWork]


class Change(msgspec.Struct):
    """A value before and after, as the event log spells it; null for none."""

    before: Any
    after: Any


class HistoryEntry(msgspec.Struct, omit_defaults=True):
    """One event of the record, or of another that touches it (`entity` and `record_id` say which).

    who: the person's name where there is one. cause: what POST /undo takes; missing where nothing can be undone.
    together: how many records the cause changed. changes: by field; only what the caller may read.
    """

    id: UUID
    at: datetime
    type: str
    actor: str
    who: str = ""
    entity: str | None = None
    record_id: UUID | None = None
    cause: UUID | None = None
    together: int = 1
    changes: dict[str, Change] = {}


class History(msgspec.Struct):
    """Events, newest first; `next` is the cursor of the older ones, null at the end."""

    items: list[HistoryEntry]
    next: str | None


def api_routes(registry: Registry, entity: Entity) -> list[Any]:
    """Return the route of one entity."""
    path = f"/api/v1/{entity.path}/{{record_id:uuid}}/history"
    opt = {"kind": "api", "entity": entity.name, "permission": f"{parent_of(registry, entity)}.read"}

    @get(
        path, opt=opt, tags=[str(entity.plural)], operation_id=f"history_of_{entity.path}",
        summary=f"What happened to a {entity.noun}",
    )  # fmt: skip
    async def history(uow: Uow, record_id: FromPath[UUID], cursor: FromQuery[str] = "") -> History:
        record, _trashed = await live_or_trashed(uow, entity, record_id)
        found = await gather(uow, entity, record.id, cursor, whole=True)
        titles = {(r.entity, r.id): t for r, t in (await query.labels(uow, found.needed)).items()}
        return History(
            [await _entry(uow, found, number, titles) for number in range(len(found.rows))], found.more or None
        )

    return [history]


async def _entry(
    uow: UnitOfWork, found: Gathered, number: int, titles: dict[tuple[str, UUID], str]
) -> HistoryEntry:  # fmt: skip
    event, _payload = found.rows[number]
    kind, _colon, key = event.actor.partition(":")
    who = titles.get(("core.user", UUID(key)), "") if kind in ("user", "token") else ""
    made = HistoryEntry(event.id, event.at, event.type, event.actor, who)
    own = event.record_id == found.record_id
    if not own and (event.entity, event.record_id) not in titles:
        return made  # about a record that the caller may not see: that something was, and no more
    made.entity, made.record_id = event.entity, event.record_id
    if event.type.rpartition(".")[2] in UNDONE and event.entity in uow.registry.entities:
        made.cause, made.together = event.cause, found.together.get(event.cause, 1)
    if (told := found.told.get(event.id)) is not None:
        known = {n for x in told.fields for n in (x.name, *x.columns)}
        before, after = [
            {k: v for k, v in side.items() if k in known or _of_child(uow, str(event.entity), k)}
            for side in (await whole(uow, told.before), await whole(uow, told.after))
        ]
        names = [n for n in {**before, **after} if before.get(n) != after.get(n)]
        made.changes = {n: Change(before.get(n), after.get(n)) for n in names}
    return made


def _of_child(uow: UnitOfWork, entity: str, key: str) -> bool:
    name, dot, _id = key.partition(".")
    return bool(dot) and any(c.name == name for c in uow.registry.entity(entity).children)
