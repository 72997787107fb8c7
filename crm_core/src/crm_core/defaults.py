"""What every installation starts with: each plugin's defaults, loaded once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.auth.actor import system
from crm_core.db.tables import NOBODY, Setting
from crm_core.plugin import hookspecs

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

STORED = (Setting.scope == "system", Setting.user_id == NOBODY, Setting.name == "core.defaults")


async def load_defaults(kernel: Kernel) -> list[str]:
    """Load the defaults that were not loaded here yet, each in its own transaction; return their names.

    What people change or delete afterwards stays as they left it: a default is not loaded again.
    """
    loaded: list[str] = []
    async with kernel.read(system("defaults")) as uow:
        done = await _done(uow)
    for default in kernel.registry.gather(hookspecs.crm_defaults):
        if default.name in done and not default.every_start:
            continue
        async with kernel.write(system("defaults")) as uow:
            await default.load(uow)
            if default.name not in done:
                await _mark(uow, default.name)
                loaded.append(default.name)
    return loaded


async def _done(uow: UnitOfWork) -> set[str]:
    value: dict[str, Any] | None = await uow.session.scalar(sa.select(Setting.value).where(*STORED))
    return set((value or {}).get("loaded", ()))


async def _mark(uow: UnitOfWork, name: str) -> None:
    row = await uow.session.scalar(sa.select(Setting).where(*STORED))
    if row is None:
        uow.session.add(Setting(scope="system", user_id=NOBODY, name="core.defaults", value={"loaded": [name]}))
    else:
        row.value = {"loaded": sorted({*row.value.get("loaded", ()), name})}
