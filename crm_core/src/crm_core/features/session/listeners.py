"""Roles given or taken are a security event of their own, beside the record's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from crm_core.features.session.events import RolesChanged
from crm_core.plugin.declare import Ref

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork


def about_roles(event: Happened) -> bool:
    """Return whether a user's event is about roles; its children are named "roles.<id of the row>"."""
    return any(name.startswith("roles.") for name in event.changed)


async def roles_given(uow: UnitOfWork, event: Happened) -> None:
    """Tell which roles a user has gained and lost."""
    before, after = _ids(event.before), _ids(event.after)
    if event.record_id is None or before == after:
        return
    told = RolesChanged(
        user_id=event.record_id, added=tuple(sorted(after - before)), removed=tuple(sorted(before - after))
    )
    await uow.emit(told, about=[Ref("core.user", event.record_id)])


def _ids(values: Mapping[str, Any]) -> set[UUID]:
    rows = [row for name, row in values.items() if name.startswith("roles.") and row]
    return {UUID(str(row["role_id"])) for row in rows}
