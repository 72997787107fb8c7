"""Roles carry rights: they are merged once per epoch."""

from __future__ import annotations

from typing import Any

from crm_core.auth.rights import EPOCH
from crm_core.features.users.actions import demand_administrator
from crm_core.uow import UnitOfWork


async def role_changed(uow: UnitOfWork, event: Any) -> None:
    """Drop every process's copy of actors; veto a change that leaves no administrator."""
    await uow.raise_epoch(EPOCH)
    if event.name != "core.role.restored":
        await demand_administrator(uow)
