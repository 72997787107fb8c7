"""Rows of a file that are in already as they stand: a second run of an import passes over them in a few queries."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.entity import access, query
from crm_core.entity.custom_values import held
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

Standing = dict[UUID, tuple[Any, dict[str, Any]]]


async def standing(uow: UnitOfWork, entity: Entity, ids: Collection[UUID]) -> Standing:
    """Return records that an import may change, by id, each with its API values; others are missing."""
    if not ids:
        return {}
    model = entity.model
    reach = [access.rows(uow.registry, uow.actor, entity, verb) for verb in ("read", "edit", "import")]
    found = list(await uow.session.scalars(sa.select(model).where(model.id.in_(list(ids)), *reach)))
    rows = await query.values_of(uow, entity, found)
    return {record.id: (record, row) for record, row in zip(found, rows, strict=True)}


def stands(row: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Return whether a record says already what a file's row says; False when in doubt."""
    return all(_same(held(row, key), value) for key, value in values.items())


def _same(now: Any, value: Any) -> bool:
    if isinstance(value, list) and value and isinstance(value[0], dict):  # a record's parts
        return isinstance(now, list) and len(now) == len(value) and all(map(_part, now, value))
    if isinstance(value, Decimal):
        return isinstance(now, Decimal | int | str) and Decimal(now) == value
    there, given = msgspec.to_builtins(now), msgspec.to_builtins(value)
    if isinstance(there, list) and isinstance(given, list):  # tags and links have no order
        return sorted(map(str, there)) == sorted(map(str, given))
    return bool(there == given)


def _part(now: Any, value: Mapping[str, Any]) -> bool:
    row = msgspec.structs.asdict(now) if isinstance(now, msgspec.Struct) else now
    return isinstance(row, Mapping) and all(_same(row.get(key), one) for key, one in value.items())
