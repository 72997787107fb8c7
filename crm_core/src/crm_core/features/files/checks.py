"""Whether uploads can be stored."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def store_is_usable(uow: UnitOfWork) -> None:
    """Raise when the folder or bucket of uploaded files does not answer, cannot be written, or is full."""
    await asyncio.to_thread(uow.kernel.blobs.demand_usable)
