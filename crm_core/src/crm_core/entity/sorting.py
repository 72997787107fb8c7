"""The key a list is sorted by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.entity import access, columns, custom_sql, paths
from crm_core.entity import fields as f
from crm_core.entity.custom_fields import custom_of
from crm_core.errors import Invalid
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


@dataclass(frozen=True, slots=True)
class Sort:
    """One sortable key: its field, direction, and whether it can be missing."""

    value: paths.Value
    down: bool
    nullable: bool
    by_id: bool

    @property
    def name(self) -> str:
        """Return the sort as it was asked for."""
        return ("-" if self.down else "") + self.value.field.name

    @property
    def textual(self) -> bool:
        """Return whether the key is a folded text, in which empty is ''."""
        return isinstance(self.value.field, f.Text)


def sort_of(uow: UnitOfWork, entity: Entity, text: str) -> Sort:
    """Return the key a list is sorted by; Invalid for what is not sortable."""
    name = text or entity.default_sort or "id"
    value = paths.own_field(uow.registry, uow.actor, entity, name.removeprefix("-"))
    if not value.field.sortable and value.field.name != "id":
        raise Invalid(_("{name} cannot be sorted by.", name=value.field.name))
    if isinstance(value.field, f.Text) and columns.twin_of(value) is None:
        raise Invalid(_("{name} cannot be sorted by.", name=value.field.name))
    by_id = value.field.name == "id"
    return Sort(value, name.startswith("-"), not by_id and columns.nullable(value), by_id)


def sort_keys(uow: UnitOfWork, entity: Entity, sort: Sort) -> tuple[Any, Any, Any, Any]:
    """Return (key, what orders rows of the same key, condition that there is a key, condition that there is none).

    The key of a text is its folded twin. A custom field's is a row of `core_field_value`, joined by its condition.
    """
    table = access.table_of(entity)
    if (custom := custom_of(sort.value)) is not None:
        return custom_sql.sort_key(custom, sort.value, table)
    twin = columns.twin_of(sort.value) if isinstance(sort.value.field, f.Text) else None
    column = columns.raw(sort.value, table, twin[0] if twin else "")
    key = access.readable(uow.registry, uow.actor, entity, sort.value.field, column)
    if sort.textual:
        return key, table.c.id, key > "", sa.or_(key.is_(None), key == "")
    return key, table.c.id, key.is_not(None), key.is_(None)
