"""What a plugin's commands below `crm` are made with."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from crm_core.auth.actor import Actor, system
from crm_core.cli import folder
from crm_core.config import Config
from crm_core.kernel import open_kernel

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

__all__ = ["Actor", "Config", "folder", "system", "unit_of_work"]


@asynccontextmanager
async def unit_of_work(config: Config, actor: Actor) -> AsyncGenerator[UnitOfWork]:
    """Open the CRM of a folder for one writing unit of work, committed on leaving; closed afterwards."""
    kernel = await open_kernel(config)
    try:
        async with kernel.write(actor) as uow:
            yield uow
    finally:
        await kernel.close()
