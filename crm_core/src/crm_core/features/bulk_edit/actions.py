"""Setting one field on many records, each in a savepoint of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from crm_core.entity import access, query, records
from crm_core.errors import CrmError
from crm_core.i18n import show
from crm_core.plugin.declare import Entity
from crm_core.web.views import plain

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

BULK = ("bulk_edit",)  # what each row must allow beside the right to edit
MODES = ("add", "remove", "replace")


async def set_on_all(
    uow: UnitOfWork, entity: Entity, ids: list[UUID], values: dict[str, Any], mode: str = "replace"
) -> tuple[int, list[tuple[UUID, str]]]:
    """Set the values on every record; return how many were done, and what was refused with the reason.

    mode: for tags, whether the given ones are added to those a record has, taken from them, or take their place.
    """
    failed = []
    for key in ids:
        try:
            async with uow.savepoint():
                record = await access.get(uow, entity, key, "edit", also=BULK)
                new = await _mixed(uow, entity, record, values, mode) if mode != "replace" else values
                await records.update(uow, entity, record, new)
        except CrmError as error:
            reasons = [show(error.text, uow.locale), *(show(text, uow.locale) for text in error.fields.values())]
            failed.append((key, " ".join(reasons)))
    return len(ids) - len(failed), failed


async def _mixed(
    uow: UnitOfWork, entity: Entity, record: Any, values: dict[str, Any], mode: str
) -> dict[str, list[Any]]:
    """Return the lists with the given ones among or not among what the record has."""
    row = plain((await query.values_of(uow, entity, [record]))[0])
    found: dict[str, list[Any]] = {}
    for name, given in values.items():
        now = list(row.get(name) or ())
        new = [*now, *given] if mode == "add" else [x for x in now if x not in given]
        found[name] = list(dict.fromkeys(new))
    return found
