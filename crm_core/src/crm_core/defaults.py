"""What every installation starts with: each plugin's defaults, loaded once; and sample data on demand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.auth.actor import system
from crm_core.db.tables import NOBODY, Setting
from crm_core.errors import StartupError
from crm_core.plugin import hookspecs
from crm_core.plugin.operating import DemoData

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

STORED = (Setting.scope == "system", Setting.user_id == NOBODY, Setting.name == "core.defaults")


async def load_defaults(kernel: Kernel) -> list[str]:
    """Load the defaults that were not loaded here yet, each in its own transaction; return their names.

    What people change or delete afterwards stays as they left it: a default is not loaded again.
    """
    loaded: list[str] = []
    limit, kernel.db.write_limit = kernel.db.write_limit, None  # nobody waits for the writer yet
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
    kernel.db.write_limit = limit
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


async def load_demo(kernel: Kernel, as_of: date) -> list[str]:
    """Load sample data that was not loaded here yet, in dependency order; return the names.

    Content is fixed by seeds, dates are relative to `as_of`.
    """
    loaded: list[str] = []
    async with kernel.read(system("demo")) as uow:
        done = await _done(uow)
    for sample in in_order(kernel.registry.gather(hookspecs.crm_demo_data)):
        name = f"demo:{sample.name}"
        if name not in done:
            async with kernel.write(system("demo")) as uow:
                await sample.load(uow, as_of)
                await _mark(uow, name)
            loaded.append(sample.name)
    return loaded


def in_order(samples: Iterable[DemoData]) -> list[DemoData]:
    """Sort sample data so that each comes after what it builds on; names that are absent do not count."""
    waiting = list(samples)
    names = {s.name for s in waiting}
    found: list[DemoData] = []
    while waiting:
        ready = {s.name for s in found}
        following = next((s for s in waiting if ready.issuperset(names.intersection(s.after))), None)
        if following is None:
            raise StartupError(f"sample data that waits for itself: {', '.join(s.name for s in waiting)}")
        waiting.remove(following)
        found.append(following)
    return found
