"""Running an action on a record with all checks: for the API, pages and rules alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from crm_core.entity import access, query
from crm_core.errors import CrmError, Forbidden
from crm_core.i18n import Strings
from crm_core.plugin.declare import Action, Entity
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class ActionNotPossible(CrmError):
    """The record is not in a state where this action is offered."""

    status = 409


async def allowed(uow: UnitOfWork, entity: Entity, action: Action, record_id: UUID, *, also: Sequence[str] = ()) -> Any:
    """Return the record an action is asked for on; NotFound, Forbidden for an actor without the action's right."""
    name, _dot, verb = action.permission.rpartition(".")
    on_row = name == entity.name
    record = await access.get(uow, entity, record_id, verb if on_row else "read", also=also)
    if not on_row and not uow.actor.may(action.permission):
        raise Forbidden(_("You lack the right {permission}.", permission=action.permission))
    return record


async def perform(
    uow: UnitOfWork, entity: Entity, action: Action, record_id: UUID, data: Any, *, also: Sequence[str] = ()
) -> tuple[Any, Any]:
    """Run an action on one record with all checks; return (record, result). also: further verbs the row must allow."""
    record = await allowed(uow, entity, action, record_id, also=also)
    if action.when is not None and not await query.holds(uow, entity, record_id, action.when):
        raise ActionNotPossible(_("{action} is not possible in this state.", action=action.label))
    result = await (action.run(uow, record, data) if action.params else action.run(uow, record, None))
    return record, result
