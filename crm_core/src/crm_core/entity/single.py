"""Questions about one record: its values as the API gives them, and whether a filter holds for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.db.types import Id
from crm_core.entity import access, filter_memory, filters, outputs
from crm_core.entity.asking import ListParams, asked, condition, moment
from crm_core.entity.statements import parameter, prepared
from crm_core.entity.values import parts_of
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def one_record(uow: UnitOfWork, entity: Entity, record_id: UUID) -> Any | None:
    """Return all API values of a record as a struct, parts included; None when it is not the actor's to read."""
    registry, actor = uow.registry, uow.actor
    output = outputs.output_of(uow, entity, outputs.everything(registry, actor, entity))

    def make() -> sa.Select[Any]:
        table = access.table_of(entity)
        visible = access.rows(registry, actor, entity, "read")
        return sa.select(*output.columns(uow)).where(table.c.id == parameter("record", Id()), visible)

    query = prepared(uow, ("one", output.key, access.shape(registry, actor, entity)), make)
    rows = await query.fetch(uow, {**access.parameters(actor), "record": record_id})
    if not rows:
        return None
    parts = [(await parts_of(uow, entity, name, [record_id])).get(record_id, []) for name in output.parts]
    return output.struct(*rows[0], *parts)


async def holds(uow: UnitOfWork, entity: Entity, record_id: UUID, filter: Any) -> bool:  # noqa: A002 - what it is
    """Return whether a filter holds for a record that the actor may read; the database sees what was flushed."""
    it = await asked(uow, entity, ListParams(filter=filter))
    table = access.table_of(entity)
    query = prepared(
        uow, ("holds", it.key),
        lambda: sa.select(table.c.id).where(condition(uow, it), table.c.id == parameter("record", Id())),
    )  # fmt: skip
    return bool(await query.fetch(uow, {**it.params, "record": record_id}))


async def matches(uow: UnitOfWork, entity: Entity, node: filters.Node, record: Any) -> bool:
    """Return whether a parsed filter holds for a record or a dict of its attributes: in memory where its own
    columns decide, else in the database."""
    if filters.own(node) and not any(v and v.field.readable for _path, v in filters.steps_of(node)):
        values = record if isinstance(record, dict) else record.__dict__
        return filter_memory.matches(node, values, await moment(uow, node))
    return await holds(uow, entity, record["id"] if isinstance(record, dict) else record.id, node)
