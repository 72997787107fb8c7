"""Rights are cached by epoch; whatever changes people raises it in the same transaction."""

from __future__ import annotations

from typing import Any

from crm_core.auth.rights import EPOCH
from crm_core.features.users.actions import demand_administrator, end_access
from crm_core.uow import UnitOfWork

GONE = ("deleted", "merged")


async def people_changed(uow: UnitOfWork, event: Any) -> None:
    """Drop every process's copy of actors; end the access of who is switched off; keep an administrator."""
    await uow.raise_epoch(EPOCH)
    if event.kind in GONE or event.after.get("is_active") is False:
        await end_access(uow, event.record_id)
    if event.name != "core.user.restored":
        await demand_administrator(uow)
