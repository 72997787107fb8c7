"""What tests of data care share."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.db.model import metadata
from crm_core.kernel import Kernel

LOGS = (
    "core_event",
    "core_search",
    "core_merge",
    "core_move",
    "core_job",
    "core_epoch",
    "core_idempotency",
    "core_token",
    "core_session",
)
VOLATILE = ("version", "updated_at")


async def _hashes(kernel: Kernel) -> dict[str, str]:
    """Return a digest of each table's rows, without logs, versions and times of change."""
    found = {}
    async with kernel.read(system("test")) as uow:
        there = await uow.session.run_sync(lambda s: set(sa.inspect(s.connection()).get_table_names()))
        for name, table in metadata.tables.items():
            if name not in there or name.startswith(LOGS):
                continue
            columns = [c for c in table.c if c.name not in VOLATILE]
            rows = sorted(repr(tuple(r)) for r in await uow.session.execute(sa.select(*columns)))
            found[name] = hashlib.sha256("\n".join(rows).encode()).hexdigest() + f" {len(rows)}"
    return found


@pytest.fixture
def hashes() -> Callable[[Kernel], Awaitable[dict[str, str]]]:
    """Return a function that gives a digest of each table."""
    return _hashes
