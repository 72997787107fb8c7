"""Teams carry rights: the tree is expanded once per epoch."""

from __future__ import annotations

from typing import Any

from crm_core.auth.rights import EPOCH
from crm_core.uow import UnitOfWork


async def tree_changed(uow: UnitOfWork, event: Any) -> None:
    """Drop every process's copy of actors."""
    await uow.raise_epoch(EPOCH)
