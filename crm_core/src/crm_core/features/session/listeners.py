"""Roles given or taken are a security event of their own, beside the record's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from crm_core.features.session.events import RolesChanged
from crm_core.plugin.declare import Ref

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork


async def roles_given(uow: UnitOfWork, event: Happened) -> None:
    """Tell which roles a user has gained and lost."""
    before, after = _ids(event.before.get("roles")), _ids(event.after.get("roles"))
    if event.record_id is None or before == after:
        return
    told = RolesChanged(
        user_id=event.record_id, added=tuple(sorted(after - before)), removed=tuple(sorted(before - after))
    )
    await uow.emit(told, about=[Ref("core.user", event.record_id)])


def _ids(rows: Any) -> set[UUID]:
    return {UUID(str(row["role_id"])) for row in rows or () if isinstance(row, dict) and row.get("role_id")}
